"""The base class of paths: methods that find a low-loss curve between two points.

A curve is defined by its nodes: a polygonal chain connects them by segments, a Bezier curve has
them as control points (Garipov et al., 2018, Loss Surfaces, Mode Connectivity, and Fast Ensembling
of DNNs, section 3.3, arXiv:1802.10026); the plane of a curve is defined as in their figure 1.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import PlaneError, SpecError
from landscape_core.foundation.recipes import Recipe
from landscape_core.foundation.types import Vector, Vectors
from landscape_core.models.objective import Objective
from landscape_core.planes.plane import Plane

Kind = Literal["polygon", "bezier"]

QUADRATURE = 256
"""Number of Gauss-Legendre nodes for the length of a Bezier curve."""


@dataclass(frozen=True, eq=False)
class Curve:
    """A polygonal chain or Bezier curve with nodes (K, P), including the end points."""

    nodes: Vectors
    kind: Kind = "polygon"

    def __post_init__(self) -> None:
        """Check the number of nodes and the kind.

        Raises:
            SpecError: fewer than two nodes, or an unknown kind.
        """
        if len(self.nodes) < 2:
            raise SpecError("the number of nodes", len(self.nodes), "at least 2")
        if self.kind not in ("polygon", "bezier"):
            raise SpecError("kind", self.kind, "polygon or bezier")

    @property
    def inner(self) -> Float[Tensor, "B P"]:
        """The nodes between the end points, shape (K - 2, P)."""
        return self.nodes[1:-1]

    def bent(self, inner: Float[Tensor, "B P"]) -> "Curve":
        """Return the curve with other nodes (B, P) between the same end points."""
        return replace(self, nodes=torch.cat([self.nodes[:1], inner, self.nodes[-1:]]))

    def weights(self, t: Float[Tensor, " n"]) -> Float[Tensor, "n K"]:
        """The weights of the nodes in the points at t, shape (n, K), float64; rows sum to one.

        Raises:
            SpecError: t outside [0, 1].
        """
        if not bool(((t >= 0) & (t <= 1)).all()):
            raise SpecError("t", t.tolist(), "between 0 and 1")
        last = len(self.nodes) - 1
        if self.kind == "bezier":
            return bernstein(last, t.double())
        place = last * t.double()[:, None]
        return (1 - (place - torch.arange(last + 1).to(place)).abs()).clamp_min(0)

    def points(self, t: Float[Tensor, " n"]) -> Float[Tensor, "n P"]:
        """The points at t in [0, 1], shape (n, P); 0 and 1 are the end points."""
        return self.weights(t).to(self.nodes) @ self.nodes

    def length(self) -> float:
        """The Euclidean length, computed in float64."""
        steps = self.nodes.detach().double().diff(dim=0)
        gram = (steps @ steps.T).cpu()
        if self.kind == "polygon":
            return float(gram.diagonal().sqrt().sum())
        # The velocity is a Bezier curve itself, with the nodes (K - 1)(node_k+1 - node_k).
        x, w = (torch.from_numpy(part) for part in np.polynomial.legendre.leggauss(QUADRATURE))
        basis = bernstein(len(steps) - 1, (x + 1) / 2)
        speed = len(steps) * ((basis @ gram) * basis).sum(dim=1).clamp_min(0).sqrt()
        return float((w / 2) @ speed)


@dataclass(frozen=True, kw_only=True)
class Path(Recipe, ABC):
    """A method that connects two points."""

    @property
    @abstractmethod
    def curves(self) -> int:
        """The number of curves that `connect` yields; fewer if it diverges."""

    def most_nodes(self) -> int:
        """How many nodes a curve has at most, end points included."""
        return 3

    @abstractmethod
    def connect(
        self, objective: Objective, first: Vector, last: Vector, seed: int
    ) -> Iterator[Curve]:
        """Yield the curve during training; the last one is the result.

        Raises:
            SpecError: end points that are not finite or do not match the objective's size, or an
                optimizer that is not for curves.
        """


def bernstein(degree: int, t: Float[Tensor, " n"]) -> Float[Tensor, "n K"]:
    """The K = degree + 1 Bernstein polynomials C(n, k) t^k (1 - t)^(n - k) at t, shape (n, K)."""
    k = torch.arange(degree + 1).to(t)
    choose = torch.tensor([float(math.comb(degree, i)) for i in range(degree + 1)]).to(t)
    return choose * t[:, None] ** k * (1 - t[:, None]) ** (degree - k)


def chain(objective: Objective, first: Vector, last: Vector, bends: int) -> Vectors:
    """Both end points and equally spaced nodes between them, (bends + 2, P).

    Raises:
        SpecError: end points that are not finite or do not match the objective's size.
    """
    for name, end in (("first", first), ("last", last)):
        if len(end) != objective.layout.size:
            raise SpecError(f"the size of {name}", len(end), f"{objective.layout.size}")
        if not bool(end.isfinite().all()):
            raise SpecError(name, "NaN or infinity", "finite")
    share = torch.linspace(0, 1, bends + 2).to(first)[1:-1, None]
    return torch.cat([first[None], torch.lerp(first, last, share), last[None]]).detach()


def batches(objective: Objective, size: int, seed: int) -> Iterator[Objective]:
    """Yield the objective on mini-batches indefinitely; each example at most once per epoch.

    A batch is all examples if there are fewer than `size`; an incomplete last batch is dropped.
    """
    rng = random_streams.stream(seed, "curve", "batches")
    size = min(size, objective.examples)
    while True:
        order = torch.randperm(objective.examples, generator=rng)
        for indices in order[: len(order) - len(order) % size].split(size):
            yield objective.minibatch(indices)


def plane_of_curve(curve: Curve) -> Plane:
    """The plane through both end points that fits the inner nodes best; it contains a single one.

    The end points have coordinates (0, 0) and (1, 0). The second axis is the first principal
    component of the nodes' offsets from the line, orthogonal to it and of the same length, so that
    the plane is not distorted. Its sign is such that the mean of the nodes is on the positive side.

    Raises:
        PlaneError: the end points coincide, or all nodes lie on the line between them.
    """
    nodes = curve.nodes.detach().double()
    u = nodes[-1] - nodes[0]
    if not bool(u.any()):
        raise PlaneError("the end points of a curve must differ; these coincide.")
    offsets = nodes[1:-1] - nodes[0]
    offsets = offsets - ((offsets @ u) / (u @ u))[:, None] * u
    rounding = torch.finfo(curve.nodes.dtype).eps * float(nodes.norm())
    if len(offsets) == 0 or float(offsets.norm()) <= rounding:
        raise PlaneError(
            "a straight line does not determine a plane; the curve must have a node off the line."
        )
    # As in directions/pca.py: the Gram matrix is far smaller than the covariance.
    _, vectors = torch.linalg.eigh(offsets @ offsets.T)
    v = vectors[:, -1] @ offsets
    v = v * torch.where((offsets @ v).sum() < 0, -1.0, 1.0) * (u.norm() / v.norm())
    return Plane(curve.nodes[0].detach(), torch.stack([u, v]).to(curve.nodes))


def project_curve(curve: Curve, plane: Plane, count: int = 61) -> tuple[Tensor, Tensor]:
    """Project a curve on a plane; return coordinates (count, D) and distances (count,)."""
    points = curve.points(torch.linspace(0, 1, count, dtype=torch.float64).to(curve.nodes.device))
    return plane.coords(points), plane.distance(points)

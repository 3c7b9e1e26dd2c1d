"""What a path is: a rule that lays a curve of low loss between two points of parameter space.

A curve is given by its nodes: a polygon runs through them in straight segments, a Bezier curve is
drawn towards them (Garipov et al., 2018, Loss Surfaces, Mode Connectivity, and Fast Ensembling of
DNNs, section 3.3, arXiv:1802.10026); the plane of a curve is that of their figure 1.
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
"""Places of the Gauss-Legendre rule that measures a Bezier curve."""


@dataclass(frozen=True, eq=False)
class Curve:
    """A polygon or a Bezier curve, by its nodes (K, P); the first and the last are its ends."""

    nodes: Vectors
    kind: Kind = "polygon"

    def __post_init__(self) -> None:
        """Refuse what has no two ends.

        Raises:
            SpecError: fewer than two nodes, or no such kind.
        """
        if len(self.nodes) < 2:
            raise SpecError("the number of nodes", len(self.nodes), "at least 2")
        if self.kind not in ("polygon", "bezier"):
            raise SpecError("kind", self.kind, "polygon or bezier")

    @property
    def inner(self) -> Float[Tensor, "B P"]:
        """The nodes between the ends, shape (K - 2, P)."""
        return self.nodes[1:-1]

    def bent(self, inner: Float[Tensor, "B P"]) -> "Curve":
        """The curve with other nodes (B, P) between the same ends."""
        return replace(self, nodes=torch.cat([self.nodes[:1], inner, self.nodes[-1:]]))

    def weights(self, t: Float[Tensor, " n"]) -> Float[Tensor, "n K"]:
        """The share of each node in the points at t, shape (n, K), float64; rows sum to one.

        Raises:
            SpecError: a place outside 0 to 1.
        """
        if not bool(((t >= 0) & (t <= 1)).all()):
            raise SpecError("t", t.tolist(), "between 0 and 1")
        last = len(self.nodes) - 1
        if self.kind == "bezier":
            return bernstein(last, t.double())
        place = last * t.double()[:, None]
        return (1 - (place - torch.arange(last + 1).to(place)).abs()).clamp_min(0)

    def points(self, t: Float[Tensor, " n"]) -> Float[Tensor, "n P"]:
        """The points at places t between 0, the first end, and 1, the last; shape (n, P)."""
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
    """A rule that connects two points."""

    @property
    @abstractmethod
    def curves(self) -> int:
        """How many curves `connect` yields; fewer only where it diverges."""

    @abstractmethod
    def connect(
        self, objective: Objective, first: Vector, last: Vector, seed: int
    ) -> Iterator[Curve]:
        """Yield ever better curves, the last one being the result; their ends are the given ones.

        Raises:
            SpecError: ends that are not finite, or of another size than the objective.
        """


def bernstein(degree: int, t: Float[Tensor, " n"]) -> Float[Tensor, "n K"]:
    """The K = degree + 1 Bernstein polynomials C(n, k) t^k (1 - t)^(n - k) at t, shape (n, K)."""
    k = torch.arange(degree + 1).to(t)
    choose = torch.tensor([float(math.comb(degree, i)) for i in range(degree + 1)]).to(t)
    return choose * t[:, None] ** k * (1 - t[:, None]) ** (degree - k)


def chain(objective: Objective, first: Vector, last: Vector, bends: int) -> Vectors:
    """Both ends and, evenly between them, some nodes: (bends + 2, P).

    Raises:
        SpecError: ends that are not finite, or of another size than the objective.
    """
    for name, end in (("first", first), ("last", last)):
        if len(end) != objective.layout.size:
            raise SpecError(f"the size of {name}", len(end), f"{objective.layout.size}")
        if not bool(end.isfinite().all()):
            raise SpecError(name, "NaN or infinity", "finite")
    share = torch.linspace(0, 1, bends + 2).to(first)[1:-1, None]
    return torch.cat([first[None], torch.lerp(first, last, share), last[None]]).detach()


def batches(objective: Objective, size: int, seed: int) -> Iterator[Objective]:
    """The objective on mini-batches, without end: each example at most once an epoch.

    A batch is all examples where there are fewer than `size`; what is left over at the end of an
    epoch is left out.
    """
    rng = random_streams.stream(seed, "curve", "batches")
    size = min(size, objective.examples)
    while True:
        order = torch.randperm(objective.examples, generator=rng)
        for indices in order[: len(order) - len(order) % size].split(size):
            yield objective.minibatch(indices)


def plane_of_curve(curve: Curve) -> Plane:
    """The plane through both ends that holds most of the nodes; one between the ends lies in it.

    The ends lie at (0, 0) and (1, 0). The second axis is the first principal component of the
    nodes' offsets from the line, at right angles to it and of the same length, so that the plane
    is shown undistorted. The nodes lie on its upper side, on average.

    Raises:
        PlaneError: the ends coincide, or all nodes lie on the line between them.
    """
    nodes = curve.nodes.detach().double()
    u = nodes[-1] - nodes[0]
    if not bool(u.any()):
        raise PlaneError("a curve's ends must not coincide; these do.")
    offsets = nodes[1:-1] - nodes[0]
    offsets = offsets - ((offsets @ u) / (u @ u))[:, None] * u
    rounding = torch.finfo(curve.nodes.dtype).eps * float(nodes.norm())
    if len(offsets) == 0 or float(offsets.norm()) <= rounding:
        raise PlaneError("a straight line lies in no single plane; bend the curve.")
    # As in directions/pca.py: the Gram matrix is far smaller than the covariance.
    _, vectors = torch.linalg.eigh(offsets @ offsets.T)
    v = vectors[:, -1] @ offsets
    v = v * torch.where((offsets @ v).sum() < 0, -1.0, 1.0) * (u.norm() / v.norm())
    return Plane(curve.nodes[0].detach(), torch.stack([u, v]).to(curve.nodes))


def shadow(curve: Curve, plane: Plane, count: int = 61) -> tuple[Tensor, Tensor]:
    """The curve on a plane: coordinates (count, D) of even places, and distances (count,)."""
    points = curve.points(torch.linspace(0, 1, count, dtype=torch.float64).to(curve.nodes.device))
    return plane.coords(points), plane.distance(points)

"""The nudged elastic band: Draxler, Veschgini, Salmhofer and Hamprecht, 2018, arXiv:1803.00885.

AutoNEB between minima of neural networks. The tangents are those of Henkelman and Jonsson, 2000,
Improved tangent estimate in the nudged elastic band method, equations (8) to (12). Only the
component of the gradient perpendicular to the band and the component of the spring force along it
act on a pivot, so pivots neither slide down nor cut corners.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor

from landscape_core.connectivity.paths.base import Curve, Path, batches, chain
from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.recipes import Knob, Note
from landscape_core.foundation.types import Scalar, Vector, Vectors
from landscape_core.models.objective import Objective
from landscape_core.models.parameters import Layout
from landscape_core.training.optimizers.base import Optimizer
from landscape_core.training.optimizers.heavy_ball import HeavyBall

ROUNDS = 4
"""Number of rounds of steps; pivots are inserted between rounds."""

BETWEEN = 9
"""Number of points between two pivots at which the loss is evaluated before inserting."""

EXCESS = 0.2
"""Threshold for inserting a pivot, as a fraction of the range of the pivots' losses."""


@dataclass(frozen=True, kw_only=True)
class Nudged(Path):
    """Nudged elastic band: a chain of pivots that relaxes to the minimum-energy path."""

    label: ClassVar[str] = "nudged elastic band"

    pivots: Annotated[
        int, Knob(1, 1000, "number of pivots between the end points", scale="log")
    ] = 9
    steps: Annotated[
        int, Knob(1, 10_000_000, "number of optimization steps of the band", scale="log")
    ] = 1000
    stiffness: Annotated[float, Knob(1e-6, 1e6, "spring constant", scale="log")] = 1.0
    optimizer: Annotated[Optimizer[Any], Note("optimizer of the pivots")] = field(
        default_factory=HeavyBall
    )
    batch_size: Annotated[int, Knob(2, 100_000, "batch size", scale="log")] = 128
    insert: Annotated[
        bool,
        Note("insert pivots where the loss between two is high, three times during optimization"),
    ] = False

    def most_nodes(self) -> int:
        """All pivots, those that may be inserted, and both end points."""
        return (2 if self.insert else 1) * self.pivots + 2

    @property
    def curves(self) -> int:
        return self.steps + 1

    @public_call
    def connect(
        self, objective: Objective, first: Vector, last: Vector, seed: int
    ) -> Iterator[Curve]:
        curve = Curve(chain(objective, first, last, self.pivots))
        self.optimizer.check_objective(Band(objective, curve, self.stiffness))
        yield curve
        memory = self.optimizer.init(curve.inner.flatten())
        parts = itertools.islice(batches(objective, self.batch_size, seed), self.steps)
        for index, part in enumerate(parts):
            if self.insert and index in self._insertions():
                curve = inserted(objective, curve)
                memory = self.optimizer.init(curve.inner.flatten())
            band = Band(part, curve, self.stiffness)
            theta, memory = self.optimizer.step(band, curve.inner.flatten(), memory)
            if not bool(theta.isfinite().all()):
                return
            curve = curve.bent(theta.view_as(curve.inner))
            yield curve

    def _insertions(self) -> set[int]:
        """The steps before which pivots are inserted."""
        return {max(1, self.steps * turn // ROUNDS) for turn in range(1, ROUNDS)}


@final
class Band(Objective):
    """The negative force on the pivots, (B * P,), as a gradient for optimizers.

    It is not the gradient of `loss`, the pivots' mean loss, or of any other function.
    """

    def __init__(self, objective: Objective, curve: Curve, stiffness: float) -> None:
        self.layout = Layout.of_shapes({"inner": tuple(curve.inner.shape)})
        self.examples = objective.examples
        self._objective, self._curve, self._stiffness = objective, curve, stiffness

    def loss(self, theta: Vector) -> Scalar:
        inner = theta.view_as(self._curve.inner)
        return torch.stack([self._objective.loss(pivot) for pivot in inner]).mean()

    def restricted(self, indices: Tensor) -> "Band":
        return Band(self._objective.minibatch(indices), self._curve, self._stiffness)

    def value_and_gradient(self, theta: Vector) -> tuple[Scalar, Vector]:
        """The pivots' mean loss and the negative force."""
        curve = self._curve.bent(theta.detach().view_as(self._curve.inner))
        found = [self._objective.value_and_gradient(pivot) for pivot in curve.inner]
        inner, gradients = (torch.stack(part) for part in zip(*found, strict=True))
        start, end = self._objective.losses(curve.nodes[[0, -1]])
        losses = torch.cat([start[None], inner, end[None]])
        force = forces(curve.nodes, losses, gradients, self._stiffness)
        return inner.mean(), -force.flatten()


def tangents(nodes: Vectors, losses: Float[Tensor, " K"]) -> Float[Tensor, "B P"]:
    """The unit tangents at the inner pivots, (K - 2, P): towards the neighbour with higher loss.

    At a local extremum, a mean of both sides weighted by the change of the loss.
    """
    before, after = nodes[1:-1] - nodes[:-2], nodes[2:] - nodes[1:-1]
    falls, rises = losses[1:-1] - losses[:-2], losses[2:] - losses[1:-1]
    large = torch.maximum(falls.abs(), rises.abs())
    small = torch.minimum(falls.abs(), rises.abs())
    share = torch.where(large > 0, small / large, 1.0)
    share = torch.where(falls.sign() * rises.sign() > 0, 0.0, share)  # up or down on both sides
    onward = losses[2:] > losses[:-2]
    ahead, behind = torch.where(onward, 1.0, share), torch.where(onward, share, 1.0)
    mixed = ahead.to(nodes)[:, None] * after + behind.to(nodes)[:, None] * before
    # Pivots that coincide have no tangent: there the whole gradient counts.
    return mixed / mixed.norm(dim=1, keepdim=True).clamp_min(torch.finfo(mixed.dtype).tiny)


def forces(
    nodes: Vectors,
    losses: Float[Tensor, " K"],
    gradients: Float[Tensor, "B P"],
    stiffness: float,
) -> Float[Tensor, "B P"]:
    """The force on each pivot, (K - 2, P): −∇L perpendicular to the band, springs along it."""
    tau = tangents(nodes, losses)
    lengths = nodes.diff(dim=0).norm(dim=1)
    along = (gradients * tau).sum(dim=1) + stiffness * lengths.diff()
    return along[:, None] * tau - gradients


def inserted(objective: Objective, curve: Curve) -> Curve:
    """Insert a pivot in each gap in which the loss rises far above the pivots'."""
    share = torch.linspace(0, 1, BETWEEN + 2).to(curve.nodes)[1:-1]
    losses = objective.losses(curve.nodes)
    allowed = EXCESS * (losses.max() - losses.min())
    nodes = [curve.nodes[0]]
    for k in range(len(curve.nodes) - 1):
        between = torch.lerp(curve.nodes[k], curve.nodes[k + 1], share[:, None])
        excess = objective.losses(between) - torch.lerp(losses[k], losses[k + 1], share)
        if bool(excess.max() > allowed):
            nodes.append(between[excess.argmax()])
        nodes.append(curve.nodes[k + 1])
    return Curve(torch.stack(nodes))

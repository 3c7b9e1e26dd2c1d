"""Curves whose inner nodes are trained: Garipov et al., 2018, section 3, arXiv:1802.10026.

The objective is the expectation of L(curve(t)) over t ~ U(0, 1), their equation (2), with one t and
one mini-batch per step. As curve(t) = sum_k B_k(t) node_k, the gradient in node_k is B_k(t) grad
L(curve(t)).
"""

import itertools
from abc import ABC
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor

from landscape_core.connectivity.paths.base import Curve, Kind, Path, batches, chain
from landscape_core.foundation import random_streams
from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.recipes import Knob, Note
from landscape_core.foundation.types import Scalar, Vector
from landscape_core.models.objective import Objective
from landscape_core.models.parameters import Layout
from landscape_core.training.optimizers.adam import Adam
from landscape_core.training.optimizers.base import Optimizer


@dataclass(frozen=True, kw_only=True)
class Trained(Path, ABC):
    """A parametric curve with trained nodes between its end points."""

    kind: ClassVar[Kind]

    bends: Annotated[int, Knob(1, 50, "number of trained nodes (bends) between the end points")] = 1
    steps: Annotated[int, Knob(1, 10_000_000, "number of training steps", scale="log")] = 1500
    optimizer: Annotated[Optimizer[Any], Note("optimizer of the nodes")] = field(
        default_factory=Adam
    )
    batch_size: Annotated[int, Knob(2, 100_000, "batch size", scale="log")] = 128

    def most_nodes(self) -> int:
        """All bends and both end points."""
        return self.bends + 2

    @property
    def curves(self) -> int:
        return self.steps + 1

    @public_call
    def connect(
        self, objective: Objective, first: Vector, last: Vector, seed: int
    ) -> Iterator[Curve]:
        curve = Curve(chain(objective, first, last, self.bends), self.kind)
        self.optimizer.check_objective(CurveLoss(objective, curve, first.new_zeros(1)))
        yield curve
        rng = random_streams.stream(seed, "curve", "places")
        memory = self.optimizer.init(curve.inner.flatten())
        for part in itertools.islice(batches(objective, self.batch_size, seed), self.steps):
            t = torch.rand(1, generator=rng, dtype=torch.float64).to(first.device)
            mean = CurveLoss(part, curve, t)
            theta, memory = self.optimizer.step(mean, curve.inner.flatten(), memory)
            if not bool(theta.isfinite().all()):
                return
            curve = curve.bent(theta.view_as(curve.inner))
            yield curve


@final
class CurveLoss(Objective):
    """The mean loss at parameters t (n,) of a curve as a function of its inner nodes, (B * P,)."""

    def __init__(self, objective: Objective, curve: Curve, t: Float[Tensor, " n"]) -> None:
        self.layout = Layout.of_shapes({"inner": tuple(curve.inner.shape)})
        self.examples = objective.examples
        self._objective, self._curve, self._t = objective, curve, t

    def loss(self, theta: Vector) -> Scalar:
        points = self._at(theta).points(self._t)
        return torch.stack([self._objective.loss(point) for point in points]).mean()

    def restricted(self, indices: Tensor) -> "CurveLoss":
        return CurveLoss(self._objective.minibatch(indices), self._curve, self._t)

    def value_and_gradient(self, theta: Vector) -> tuple[Scalar, Vector]:
        """The mean loss and its gradient in the inner nodes."""
        curve = self._at(theta.detach())
        found = [self._objective.value_and_gradient(point) for point in curve.points(self._t)]
        values, gradients = (torch.stack(part) for part in zip(*found, strict=True))
        B = curve.weights(self._t)[:, 1:-1].to(gradients)
        return values.mean(), (B.T @ gradients / len(found)).flatten()

    def _at(self, theta: Vector) -> Curve:
        return self._curve.bent(theta.view_as(self._curve.inner))

"""SVRG: Johnson and Zhang, 2013, Accelerating SGD using Predictive Variance Reduction.

Of the paper's options the first: the snapshot is the present iterate. Both gradients of a step are
of the same mini-batch. What is no mini-batch has nothing to reduce, and is descended by its own
gradient.

Batch normalization and dropout act at the snapshot as they do in training: ∇f(w) is the mean over
mini-batches like that of the step, each with its own statistics, so that the mean of ∇f_B(w) is
about ∇f(w). Only the evaluation at the present iterate updates the running statistics.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation.recipes import Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective
from landscape_core.training.optimizers.base import LEARNING_RATE, Optimizer

Snapshot = tuple[Vector, Vector, int]
"""The iterate w, the gradient ∇f(w) over all examples, and how many were seen since."""

AT_ONCE = 1000
"""Examples whose gradient is taken at once at a snapshot, less than twice as many."""


@dataclass(frozen=True, kw_only=True)
class SVRG(Optimizer[Snapshot | None]):
    """Corrects each mini-batch by its error at a snapshot, where all examples were counted."""

    label: ClassVar[str] = "SVRG"
    family: ClassVar[str] = "variance reduction"
    formula: ClassVar[str] = (
        "every few epochs:  w ← θ, ∇f(w) over all examples;  g = ∇f_B(θ) − ∇f_B(w) + ∇f(w);  "
        "θ ← θ − ηg"
    )
    source: ClassVar[str] = (
        "Johnson & Zhang, 2013, Accelerating Stochastic Gradient Descent using Predictive Variance "
        "Reduction"
    )

    learning_rate: Annotated[float, LEARNING_RATE] = 0.1
    interval: Annotated[
        float, Knob(0.01, 100.0, "epochs from one snapshot, of all examples, to the next", "log")
    ] = 2.0

    def init(self, theta: Vector) -> Snapshot | None:
        """No snapshot; the first step takes one."""
        del theta
        return None

    def step(
        self, objective: Objective, theta: Vector, memory: Snapshot | None
    ) -> tuple[Vector, Snapshot | None]:
        """One step of size η against the corrected gradient."""
        whole, g = objective.whole, objective.gradient(theta)
        if whole is not objective:
            if memory is None or memory[2] >= self.interval * whole.examples:
                memory = theta, _full(objective, theta), 0
            w, full, seen = memory
            g = g + (full - objective.still.gradient(w))
            memory = w, full, seen + objective.examples
        return torch.sub(theta, g, alpha=self.learning_rate), memory


def _full(objective: Objective, theta: Vector) -> Vector:
    """The gradient over all examples, a mean over mini-batches of them, shape (P,)."""
    whole, network = objective.whole, objective.network
    size = objective.examples if network is not None and network.normalizes else AT_ONCE
    count = max(1, whole.examples // size)
    total = torch.zeros_like(theta)
    for first in range(count):
        part = whole.minibatch(torch.arange(first, whole.examples, count))
        total += part.examples / whole.examples * part.gradient(theta)
    return total

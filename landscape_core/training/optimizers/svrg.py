"""SVRG: Johnson and Zhang, 2013, Accelerating SGD using Predictive Variance Reduction.

Option I of the paper: the snapshot is the current iterate. Both gradients of a step are of the same
mini-batch. Full-batch objectives have no variance to reduce; for them the method is gradient
descent.

Batch normalization and dropout are in training mode at the snapshot (`full_gradient`).
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation.recipes import Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective
from landscape_core.training.full_gradient import full_gradient
from landscape_core.training.optimizers.base import LEARNING_RATE, Optimizer

Snapshot = tuple[Vector, Vector, int]
"""The snapshot w, its full gradient ∇f(w), and the number of examples processed since."""


@dataclass(frozen=True, kw_only=True)
class SVRG(Optimizer[Snapshot | None]):
    """Reduces the variance of mini-batch gradients by the full gradient at a periodic snapshot."""

    label: ClassVar[str] = "SVRG"
    family: ClassVar[str] = "variance reduction"
    formula: ClassVar[str] = (
        "every few epochs: w ← θ, compute ∇f(w) over all examples;  g = ∇f_B(θ) − "
        "∇f_B(w) + ∇f(w);  θ ← θ − ηg"
    )
    source: ClassVar[str] = (
        "Johnson & Zhang, 2013, Accelerating Stochastic Gradient Descent using Predictive Variance "
        "Reduction"
    )

    learning_rate: Annotated[float, LEARNING_RATE] = 0.1
    interval: Annotated[float, Knob(0.01, 100.0, "number of epochs between snapshots", "log")] = 2.0

    def init(self, theta: Vector) -> Snapshot | None:
        """Return the initial state: no snapshot; the first step takes one."""
        del theta
        return None

    def step(
        self, objective: Objective, theta: Vector, memory: Snapshot | None
    ) -> tuple[Vector, Snapshot | None]:
        """Take a step of size η along the negative variance-reduced gradient."""
        whole, g = objective.whole, objective.gradient(theta)
        if whole is not objective:
            if memory is None or memory[2] >= self.interval * whole.examples:
                memory = theta, full_gradient(objective, theta), 0
            w, full, seen = memory
            g = g + (full - objective.still.gradient(w))
            memory = w, full, seen + objective.examples
        return torch.sub(theta, g, alpha=self.learning_rate), memory

"""SARAH and SPIDER: recursive estimates of the gradient.

SARAH: Nguyen, Liu, Scheinberg and Takáč, 2017, arXiv:1703.00102, algorithm 1: the estimate v is
corrected by the change of the mini-batch gradient from one iterate to the next; after the full
gradient it goes on without another until the interval is over. SPIDER-SFO: Fang, Li, Lin and Zhang,
2018, arXiv:1807.01695, algorithm 1 with its option II: the same estimate with steps of bounded
length, η = 1/(2Ln₀) and r = ε/(Ln₀).

SPIDER starts again from a large batch, here from all examples, as it does for finite sums. The run
goes on from the last iterate of an interval: SARAH's theory takes a random one. Both gradients of a
step are of the same mini-batch. Full-batch objectives have no variance to reduce; for them the
method is gradient descent. Batch normalization and dropout are as in SVRG (`full_gradient`).
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation.recipes import Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective
from landscape_core.training.full_gradient import full_gradient
from landscape_core.training.optimizers.base import LEARNING_RATE, Optimizer

Estimate = tuple[Vector, Vector, int]
"""The last iterate θ⁻, the estimate v there, and the examples processed since a full gradient."""


@dataclass(frozen=True, kw_only=True)
class SPIDER(Optimizer[Estimate | None]):
    """Follows the gradient by its changes on mini-batches, from one full gradient to the next."""

    label: ClassVar[str] = "SARAH, SPIDER"
    family: ClassVar[str] = "variance reduction"
    formula: ClassVar[str] = (
        "every few epochs v ← ∇f(θ) over all examples, else v ← ∇f_B(θ) − ∇f_B(θ⁻) + v;  "
        "θ ← θ − min(η, r/‖v‖) v, SARAH: θ ← θ − ηv"
    )
    source: ClassVar[str] = (
        "Nguyen et al., 2017, SARAH: A Novel Method for Machine Learning Problems Using Stochastic"
        " Recursive Gradient; Fang et al., 2018, SPIDER: Near-Optimal Non-Convex Optimization via"
        " Stochastic Path Integrated Differential Estimator"
    )

    learning_rate: Annotated[float, LEARNING_RATE] = 0.1
    interval: Annotated[
        float, Knob(0.01, 100.0, "number of epochs between full gradients", "log")
    ] = 1.0
    radius: Annotated[
        float, Knob(0.0, 100.0, "SPIDER: longest step r, divided by ‖v‖; 0: no bound, SARAH")
    ] = 0.0

    def init(self, theta: Vector) -> None:
        """Return the initial state: no estimate; the first step computes the full gradient."""
        del theta

    def kept_vectors(self) -> float:
        """The last iterate and the estimate."""
        return 2

    def step(
        self, objective: Objective, theta: Vector, memory: Estimate | None
    ) -> tuple[Vector, Estimate | None]:
        """Take a step of size η, or of length r if that is shorter, along −v."""
        whole, v = objective.whole, objective.gradient(theta)
        if whole is not objective:
            if memory is None or memory[2] >= self.interval * whole.examples:
                v, seen = full_gradient(objective, theta), 0
            else:
                before, estimate, seen = memory
                v = v - objective.still.gradient(before) + estimate
            memory = theta, v, seen + objective.examples
        rate = self.learning_rate
        if self.radius:
            norm = float(v.norm())
            rate = min(rate, self.radius / norm) if norm else rate
        return torch.sub(theta, v, alpha=rate), memory

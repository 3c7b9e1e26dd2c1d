"""Loopless SVRG: Kovalev, Horváth and Richtárik, 2020, arXiv:1901.08689.

Don't Jump Through Hoops and Remove Those Loops; for games it is L-SVRGDA of Beznosikov, Gorbunov,
Berard and Loizou, 2023, Stochastic Gradient Descent-Ascent, arXiv:2202.07262.

The full gradient is computed at a reference point w, which with probability p is set to the iterate
before the step. The variance of g vanishes as w and θ converge, so a constant step size converges,
η = 1/(6L).
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective
from landscape_core.training.distributed_workers import (
    ANCHOR,
    SEED,
    recomputes_anchor,
    worker_gradients,
)
from landscape_core.training.optimizers.base import LEARNING_RATE, Optimizer

Anchor = tuple[int, Vector, Vector]
"""The step count, the reference point w and the full gradient there."""


@dataclass(frozen=True, kw_only=True)
class LooplessSVRG(Optimizer[Anchor | None]):
    """SVRG whose reference point is updated at random steps; for minimization and games."""

    label: ClassVar[str] = "Loopless SVRG"
    family: ClassVar[str] = "variance reduction"
    formula: ClassVar[str] = (
        "g ← g(θ) − g(w) + F(w), F the full gradient, g the mini-batch's;  "
        "with probability p: w ← θ;  θ ← prox(θ − ηg)"
    )
    source: ClassVar[str] = (
        "Kovalev, Horváth & Richtárik, 2020, Don't Jump Through Hoops and Remove Those Loops; "
        "Beznosikov et al., 2023, Stochastic Gradient Descent-Ascent"
    )

    learning_rate: Annotated[float, LEARNING_RATE] = 0.05
    probability: Annotated[float, ANCHOR] = 0.0
    seed: Annotated[int, SEED] = 0

    def init(self, theta: Vector) -> None:
        """Return the initial state: no reference point; the first step sets it."""
        del theta

    def step(
        self, objective: Objective, theta: Vector, memory: Anchor | None
    ) -> tuple[Vector, Anchor]:
        """Take a step of size η along the variance-reduced gradient, then the proximal map."""
        step, w, full = memory or (0, theta, objective.whole.gradient(theta))
        (correction,) = full - worker_gradients(objective, w, 1)
        g = objective.gradient(theta) + correction
        if recomputes_anchor(self.probability, objective, self.seed, step):
            w, full = theta, objective.whole.gradient(theta)
        moved = torch.sub(theta, g, alpha=self.learning_rate)
        return objective.prox(moved, self.learning_rate), (step + 1, w, full)

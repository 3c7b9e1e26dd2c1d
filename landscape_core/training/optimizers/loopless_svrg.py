"""Loopless SVRG: Kovalev, Horváth and Richtárik, 2020, arXiv:1901.08689.

Don't Jump Through Hoops and Remove Those Loops; for games it is L-SVRGDA of Beznosikov, Gorbunov,
Berard and Loizou, 2023, Stochastic Gradient Descent-Ascent, arXiv:2202.07262.

The full gradient is taken at an anchor w, which with probability p moves to the iterate before the
step. The noise of g vanishes as w and θ meet: the steps need not become smaller, η = 1/(6L).
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective
from landscape_core.training.optimizers._workers import ANCHOR, SEED, anchored, shares
from landscape_core.training.optimizers.base import LEARNING_RATE, Optimizer

Anchor = tuple[int, Vector, Vector]
"""The number of steps taken, w, and the full gradient there."""


@dataclass(frozen=True, kw_only=True)
class LooplessSVRG(Optimizer[Anchor | None]):
    """Corrects each mini-batch by what it was wrong about at an anchor; for losses and games."""

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
        """No anchor before the first step, which begins there."""
        del theta

    def step(
        self, objective: Objective, theta: Vector, memory: Anchor | None
    ) -> tuple[Vector, Anchor]:
        """One step of size η against the corrected gradient, and the proximal map."""
        step, w, full = memory or (0, theta, objective.whole.gradient(theta))
        (correction,) = full - shares(objective, w, 1)
        g = objective.gradient(theta) + correction
        if anchored(self.probability, objective, self.seed, step):
            w, full = theta, objective.whole.gradient(theta)
        moved = torch.sub(theta, g, alpha=self.learning_rate)
        return objective.prox(moved, self.learning_rate), (step + 1, w, full)

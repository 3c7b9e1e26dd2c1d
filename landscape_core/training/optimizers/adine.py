"""ADINE: Srinivasan, Sankar and Balasubramanian, 2018, ADINE: An Adaptive Momentum Method.

arXiv:1712.07424. The loss of each mini-batch at θ is taken first, a second pass forward, and
smoothed by halves. While the smoothed loss does not rise the momentum is the greater one, which may
exceed 1 and leaves saddles fast.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation.recipes import Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective
from landscape_core.training.optimizers.base import LEARNING_RATE, Optimizer

Course = tuple[float | None, Vector]
"""Smoothed loss s, none before the first step, and velocity v."""


@dataclass(frozen=True, kw_only=True)
class ADINE(Optimizer[Course]):
    """Nesterov's momentum that grows beyond 1 while the loss falls, and is tamed when it rises."""

    label: ClassVar[str] = "ADINE"
    family: ClassVar[str] = "momentum"
    formula: ClassVar[str] = (
        "s ← (s₋ + loss at θ)/2;  m = mₛ if s > δs₋, else m_g;  g = gradient at θ + mv;  "
        "v ← mv − ηg;  θ ← θ + v"
    )
    source: ClassVar[str] = (
        "Srinivasan, Sankar & Balasubramanian, 2018, ADINE: An Adaptive Momentum Method for "
        "Stochastic Gradient Descent"
    )

    learning_rate: Annotated[float, LEARNING_RATE] = 0.01
    momentum: Annotated[float, Knob(0.0, 1.1, "momentum mₛ while the smoothed loss rises")] = 0.9
    greater_momentum: Annotated[
        float, Knob(0.0, 1.1, "momentum m_g otherwise; above 1 the velocity grows by itself")
    ] = 1.0001
    tolerance: Annotated[
        float, Knob(0.5, 2.0, "factor δ: the loss rises when it exceeds δ times the one before")
    ] = 1.0

    def init(self, theta: Vector) -> Course:
        """No loss seen, at rest."""
        return None, torch.zeros_like(theta)

    def step(self, objective: Objective, theta: Vector, memory: Course) -> tuple[Vector, Course]:
        """One step of Nesterov's momentum, with the momentum that the loss at θ calls for."""
        before, v = memory
        loss = float(objective.losses(theta[None])[0])
        before = loss if before is None else before
        smooth = (before + loss) / 2
        m = self.momentum if smooth > self.tolerance * before else self.greater_momentum
        g = objective.still.gradient(torch.add(theta, v, alpha=m))
        v = torch.sub(m * v, g, alpha=self.learning_rate)
        return theta + v, (smooth, v)

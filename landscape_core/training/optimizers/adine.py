"""ADINE: Srinivasan, Sankar and Balasubramanian, 2018, ADINE: An Adaptive Momentum Method.

arXiv:1712.07424. The mini-batch loss at θ is evaluated first, which takes a second forward pass,
and smoothed with factor ½. While the smoothed loss does not increase, the greater momentum is used,
which may exceed 1 and escapes saddle points quickly.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation.recipes import Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective
from landscape_core.training.optimizers.base import LEARNING_RATE, Optimizer

Course = tuple[float | None, Vector]
"""Smoothed loss s (None before the first step) and velocity v."""


@dataclass(frozen=True, kw_only=True)
class ADINE(Optimizer[Course]):
    """Nesterov momentum above 1 while the loss decreases, and below 1 when it increases."""

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
    momentum: Annotated[
        float, Knob(0.0, 1.1, "standard momentum mₛ, used while the smoothed loss increases")
    ] = 0.9
    greater_momentum: Annotated[
        float,
        Knob(
            0.0,
            1.1,
            "greater momentum m_g, used otherwise; above 1 the velocity grows exponentially",
        ),
    ] = 1.0001
    tolerance: Annotated[
        float,
        Knob(0.5, 2.0, "tolerance δ: the loss counts as increasing above δ times the previous one"),
    ] = 1.0

    def init(self, theta: Vector) -> Course:
        """Return the initial state: no loss, velocity 0."""
        return None, torch.zeros_like(theta)

    def step(self, objective: Objective, theta: Vector, memory: Course) -> tuple[Vector, Course]:
        """Take a step with Nesterov momentum, whose coefficient depends on the loss at θ."""
        before, v = memory
        loss = float(objective.losses(theta[None])[0])
        before = loss if before is None else before
        smooth = (before + loss) / 2
        m = self.momentum if smooth > self.tolerance * before else self.greater_momentum
        g = objective.still.gradient(torch.add(theta, v, alpha=m))
        v = torch.sub(m * v, g, alpha=self.learning_rate)
        return theta + v, (smooth, v)

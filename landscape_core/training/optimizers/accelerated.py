"""Accelerated gradient: Nesterov, 1983, with the restart of O'Donoghue and Candès, 2015.

The momentum k/(k+3) grows towards 1, so no constant need be known but the step size (Su, Boyd and
Candès, 2016, A Differential Equation for Modeling Nesterov's Accelerated Gradient Method, equation
1). On a strongly convex function it ends too large and the iterates swing; O'Donoghue and Candès,
2015, Adaptive Restart for Accelerated Gradient Schemes, let k begin anew whenever the move of x
goes uphill, by the gradient. θ is their y, the point at which the gradient is taken.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation.recipes import Note
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective
from landscape_core.training.optimizers.base import LEARNING_RATE, WEIGHT_DECAY, Optimizer, decayed

Course = tuple[int, Vector]
"""Steps since the last restart k, and x, the end of the last gradient step."""


@dataclass(frozen=True, kw_only=True)
class Accelerated(Optimizer[Course]):
    """Nesterov's growing momentum, which starts again when it carries uphill."""

    label: ClassVar[str] = "Accelerated gradient with restart"
    family: ClassVar[str] = "momentum"
    formula: ClassVar[str] = (
        "g ← g + λθ;  x₊ = θ − ηg;  if g·(x₊ − x) > 0: k ← 0;  θ ← x₊ + k/(k+3) · (x₊ − x);  "
        "x ← x₊;  k ← k + 1"
    )
    source: ClassVar[str] = (
        "Nesterov, 1983, A method of solving a convex programming problem with convergence rate "
        "O(1/k²); O'Donoghue & Candès, 2015, Adaptive Restart for Accelerated Gradient Schemes"
    )

    learning_rate: Annotated[float, LEARNING_RATE] = 0.1
    restart: Annotated[bool, Note("forget the momentum when it carries uphill")] = True
    weight_decay: Annotated[float, WEIGHT_DECAY] = 0.0

    def init(self, theta: Vector) -> Course:
        """No step taken, x at the start."""
        return 0, theta

    def step(self, objective: Objective, theta: Vector, memory: Course) -> tuple[Vector, Course]:
        """One gradient step of size η to x, and on from there by k/(k+3) of the last move of x."""
        k, x = memory
        g = decayed(objective.gradient(theta), theta, self.weight_decay)
        new = torch.sub(theta, g, alpha=self.learning_rate)
        move = new - x
        if self.restart and bool(g @ move > 0):
            k = 0
        return torch.add(new, move, alpha=k / (k + 3)), (k + 1, new)

"""Accelerated gradient: Nesterov, 1983, with the restart of O'Donoghue and Candès, 2015.

The momentum k/(k+3) grows towards 1, so the learning rate is the only hyperparameter (Su, Boyd and
Candès, 2016, A Differential Equation for Modeling Nesterov's Accelerated Gradient Method, equation
1). On a strongly convex function it becomes too large and the iterates oscillate; O'Donoghue and
Candès, 2015, Adaptive Restart for Accelerated Gradient Schemes, reset k to 0 whenever the step of x
has a positive inner product with the gradient. θ is their y, the point at which the gradient is
evaluated.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation.recipes import Note
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective
from landscape_core.training.optimizers.base import LEARNING_RATE, WEIGHT_DECAY, Optimizer, decayed

Course = tuple[int, Vector]
"""Number k of steps since the last restart, and x, the result of the last gradient step."""


@dataclass(frozen=True, kw_only=True)
class Accelerated(Optimizer[Course]):
    """Nesterov's accelerated gradient with increasing momentum k/(k+3) and adaptive restart."""

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
    restart: Annotated[
        bool,
        Note(
            "reset the momentum to zero when the step has a positive inner product with the"
            " gradient"
        ),
    ] = True
    weight_decay: Annotated[float, WEIGHT_DECAY] = 0.0

    def init(self, theta: Vector) -> Course:
        """Return the initial state: k = 0, x = θ."""
        return 0, theta

    def step(self, objective: Objective, theta: Vector, memory: Course) -> tuple[Vector, Course]:
        """Take a gradient step of size η to x, then extrapolate by k/(k+3) of the change of x."""
        k, x = memory
        g = decayed(objective.gradient(theta), theta, self.weight_decay)
        new = torch.sub(theta, g, alpha=self.learning_rate)
        move = new - x
        if self.restart and bool(g @ move > 0):
            k = 0
        return torch.add(new, move, alpha=k / (k + 3)), (k + 1, new)

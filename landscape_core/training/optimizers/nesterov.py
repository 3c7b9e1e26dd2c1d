"""Nesterov's momentum, in the form of Sutskever, Martens, Dahl and Hinton, 2013.

Nesterov, 1983, A method of solving a convex programming problem with convergence rate O(1/k²),
takes the gradient at y, ahead of the iterate x: x ← y − ηg(y), then y ← x + μ(x − x₋). Here θ is
that y, so that the recorded iterate is the point at which the gradient is evaluated; this is the
form of `torch.optim.SGD(nesterov=True)`.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective
from landscape_core.training.optimizers.base import (
    LEARNING_RATE,
    MOMENTUM,
    WEIGHT_DECAY,
    Optimizer,
    decayed,
)


@dataclass(frozen=True, kw_only=True)
class Nesterov(Optimizer[Vector]):
    """SGD with Nesterov momentum: the gradient is taken at the extrapolated point."""

    label: ClassVar[str] = "Nesterov"
    family: ClassVar[str] = "momentum"
    formula: ClassVar[str] = "g ← g + λθ;  v ← μv + g;  θ ← θ − η(g + μv)"
    source: ClassVar[str] = (
        "Nesterov, 1983, A method of solving a convex programming problem with convergence rate "
        "O(1/k²); form of Sutskever et al., 2013"
    )

    learning_rate: Annotated[float, LEARNING_RATE] = 0.02
    momentum: Annotated[float, MOMENTUM] = 0.9
    weight_decay: Annotated[float, WEIGHT_DECAY] = 0.0

    def init(self, theta: Vector) -> Vector:
        """Return the initial velocity: v = 0."""
        return torch.zeros_like(theta)

    def step(self, objective: Objective, theta: Vector, memory: Vector) -> tuple[Vector, Vector]:
        """Take a step of size η along −(g + μv)."""
        g = decayed(objective.gradient(theta), theta, self.weight_decay)
        v = torch.add(g, memory, alpha=self.momentum)
        ahead = torch.add(g, v, alpha=self.momentum)
        return torch.sub(theta, ahead, alpha=self.learning_rate), v

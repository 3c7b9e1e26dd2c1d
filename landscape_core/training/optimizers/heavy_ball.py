"""The heavy ball: Polyak, 1964, Some methods of speeding up the convergence of iteration methods.

Polyak writes θ ← θ − ηg + μ(θ − θ₋), where θ₋ is the previous iterate. With the velocity v = (θ₋ −
θ)/η this is the form below, that of `torch.optim.SGD`. The two differ once η changes during a run:
here the accumulated velocity is scaled by the new η.
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
class HeavyBall(Optimizer[Vector]):
    """SGD with momentum: the velocity accumulates past gradients with decay μ."""

    label: ClassVar[str] = "Heavy ball (momentum)"
    family: ClassVar[str] = "momentum"
    formula: ClassVar[str] = "g ← g + λθ;  v ← μv + g;  θ ← θ − ηv"
    source: ClassVar[str] = (
        "Polyak, 1964, Some methods of speeding up the convergence of iteration methods"
    )

    learning_rate: Annotated[float, LEARNING_RATE] = 0.02
    momentum: Annotated[float, MOMENTUM] = 0.9
    weight_decay: Annotated[float, WEIGHT_DECAY] = 0.0

    def init(self, theta: Vector) -> Vector:
        """Return the initial velocity: v = 0."""
        return torch.zeros_like(theta)

    def step(self, objective: Objective, theta: Vector, memory: Vector) -> tuple[Vector, Vector]:
        """Take a step of size η along the negative velocity, after adding g to it."""
        g = decayed(objective.gradient(theta), theta, self.weight_decay)
        v = torch.add(g, memory, alpha=self.momentum)
        return torch.sub(theta, v, alpha=self.learning_rate), v

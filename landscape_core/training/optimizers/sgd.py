"""Stochastic gradient descent: Robbins and Monro, 1951, A Stochastic Approximation Method."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective
from landscape_core.training.optimizers.base import LEARNING_RATE, WEIGHT_DECAY, Optimizer, decayed


@dataclass(frozen=True, kw_only=True)
class SGD(Optimizer[None]):
    """Stochastic gradient descent: steps along the negative gradient of the mini-batch."""

    label: ClassVar[str] = "SGD"
    family: ClassVar[str] = "gradient descent"
    formula: ClassVar[str] = "g ← g + λθ;  θ ← θ − ηg"
    source: ClassVar[str] = "Robbins & Monro, 1951, A Stochastic Approximation Method"

    learning_rate: Annotated[float, LEARNING_RATE] = 0.1
    weight_decay: Annotated[float, WEIGHT_DECAY] = 0.0

    def init(self, theta: Vector) -> None:
        """Return the initial state: none."""
        del theta

    def step(self, objective: Objective, theta: Vector, memory: None) -> tuple[Vector, None]:
        """Take a step of size η along −g."""
        g = decayed(objective.gradient(theta), theta, self.weight_decay)
        return torch.sub(theta, g, alpha=self.learning_rate), memory

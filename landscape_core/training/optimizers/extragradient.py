"""Extragradient: Korpelevich, 1976, The Extragradient Method for Finding Saddle Points.

Both gradients are of the same mini-batch. On a bilinear game with singular value σ a step
multiplies the distance to the solution by √(1 − η²σ² + η⁴σ⁴), where gradient descent-ascent gives
√(1 + η²σ²).
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective
from landscape_core.training.optimizers.base import LEARNING_RATE, Optimizer


@dataclass(frozen=True, kw_only=True)
class Extragradient(Optimizer[None]):
    """For games: takes the gradient at an extrapolated point, which prevents cycling."""

    label: ClassVar[str] = "Extragradient (games)"
    family: ClassVar[str] = "games"
    formula: ClassVar[str] = (
        "θ½ = prox(θ − ηg);  θ ← prox(θ − ηg½), g½ the gradient at θ½;  prox for a penalty, if any"
    )
    source: ClassVar[str] = "Korpelevich, 1976, The Extragradient Method for Finding Saddle Points"

    learning_rate: Annotated[float, LEARNING_RATE] = 0.05

    def init(self, theta: Vector) -> None:
        """Return the initial state: none."""
        del theta

    def step(self, objective: Objective, theta: Vector, memory: None) -> tuple[Vector, None]:
        """Take a step of size η with the gradient at the extrapolated point."""
        ahead = self._moved(objective, theta, objective.gradient(theta))
        return self._moved(objective, theta, objective.still.gradient(ahead)), memory

    def _moved(self, objective: Objective, theta: Vector, g: Vector) -> Vector:
        moved = torch.sub(theta, g, alpha=self.learning_rate)
        return objective.prox(moved, self.learning_rate)

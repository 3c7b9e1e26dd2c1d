"""AdaGrad: Duchi, Hazan and Singer, 2011, Adaptive Subgradient Methods, in its diagonal form."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective
from landscape_core.training.optimizers._fused import adagrad_step
from landscape_core.training.optimizers.base import EPSILON, LEARNING_RATE, WEIGHT_DECAY, Optimizer


@dataclass(frozen=True, kw_only=True)
class AdaGrad(Optimizer[Vector]):
    """Divides each parameter's learning rate by the root of the sum of its squared gradients."""

    label: ClassVar[str] = "AdaGrad"
    family: ClassVar[str] = "adaptive"
    formula: ClassVar[str] = "g ← g + λθ;  s ← s + g²;  θ ← θ − ηg / (√s + ε)"
    source: ClassVar[str] = (
        "Duchi, Hazan & Singer, 2011, Adaptive Subgradient Methods for Online Learning and "
        "Stochastic Optimization"
    )

    learning_rate: Annotated[float, LEARNING_RATE] = 0.1
    epsilon: Annotated[float, EPSILON] = 1e-10
    weight_decay: Annotated[float, WEIGHT_DECAY] = 0.0

    def init(self, theta: Vector) -> Vector:
        """Return the initial sum of squared gradients: s = 0."""
        return torch.zeros_like(theta)

    def step(self, objective: Objective, theta: Vector, memory: Vector) -> tuple[Vector, Vector]:
        """Take a step of size η along −g, divided by the root of the sum of squared gradients."""
        return adagrad_step(
            theta,
            objective.gradient(theta),
            memory,
            rate=self.learning_rate,
            epsilon=self.epsilon,
            decay=self.weight_decay,
        )

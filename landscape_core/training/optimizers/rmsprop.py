"""RMSprop: Tieleman and Hinton, 2012, Neural Networks for Machine Learning, lecture 6.5."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation.recipes import Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective
from landscape_core.training.optimizers.base import (
    EPSILON,
    LEARNING_RATE,
    WEIGHT_DECAY,
    Optimizer,
    decayed,
)


@dataclass(frozen=True, kw_only=True)
class RMSprop(Optimizer[Vector]):
    """Divides the gradient by the root of a moving average of its square."""

    label: ClassVar[str] = "RMSprop"
    family: ClassVar[str] = "adaptive"
    formula: ClassVar[str] = "g ← g + λθ;  v ← αv + (1−α)g²;  θ ← θ − ηg / (√v + ε)"
    source: ClassVar[str] = (
        "Tieleman & Hinton, 2012, Neural Networks for Machine Learning, lecture 6.5"
    )

    learning_rate: Annotated[float, LEARNING_RATE] = 0.005
    alpha: Annotated[
        float, Knob(0.0, 0.9999, "smoothing constant α of the mean squared gradient")
    ] = 0.99
    epsilon: Annotated[float, EPSILON] = 1e-8
    weight_decay: Annotated[float, WEIGHT_DECAY] = 0.0

    def init(self, theta: Vector) -> Vector:
        """Return the initial mean squared gradient: v = 0."""
        return torch.zeros_like(theta)

    def step(self, objective: Objective, theta: Vector, memory: Vector) -> tuple[Vector, Vector]:
        """Take a step of size η along −g divided by its root mean square."""
        g = decayed(objective.gradient(theta), theta, self.weight_decay)
        v = (self.alpha * memory).addcmul_(g, g, value=1 - self.alpha)
        root = v.sqrt().add_(self.epsilon)
        return torch.addcdiv(theta, g, root, value=-self.learning_rate), v

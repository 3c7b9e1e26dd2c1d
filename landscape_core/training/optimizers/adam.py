"""Adam: Kingma and Ba, 2015, Adam: A Method for Stochastic Optimization, algorithm 1."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation.recipes import Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective
from landscape_core.training.optimizers._fused import adam_step
from landscape_core.training.optimizers.base import EPSILON, LEARNING_RATE, WEIGHT_DECAY, Optimizer

Moments = tuple[int, Vector, Vector]
"""Number of steps t, first moment m, second moment v."""


@dataclass(frozen=True, kw_only=True)
class Adam(Optimizer[Moments]):
    """Divides a moving average of the gradient by the root of a moving average of its square."""

    label: ClassVar[str] = "Adam"
    family: ClassVar[str] = "adaptive"
    formula: ClassVar[str] = (
        "g ← g + λθ;  m ← β₁m + (1−β₁)g;  v ← β₂v + (1−β₂)g²;  "
        "θ ← θ − η · m/(1−β₁ᵗ) / (√(v/(1−β₂ᵗ)) + ε)"
    )
    source: ClassVar[str] = "Kingma & Ba, 2015, Adam: A Method for Stochastic Optimization"

    learning_rate: Annotated[float, LEARNING_RATE] = 0.01
    beta1: Annotated[float, Knob(0.0, 0.999, "exponential decay rate of the first moment, β₁")] = (
        0.9
    )
    beta2: Annotated[
        float, Knob(0.0, 0.9999, "exponential decay rate of the second moment, β₂")
    ] = 0.999
    epsilon: Annotated[float, EPSILON] = 1e-8
    weight_decay: Annotated[float, WEIGHT_DECAY] = 0.0

    def init(self, theta: Vector) -> Moments:
        """Return the initial state: t = 0, both moments zero."""
        return 0, torch.zeros_like(theta), torch.zeros_like(theta)

    def step(self, objective: Objective, theta: Vector, memory: Moments) -> tuple[Vector, Moments]:
        """Take one step; the division by 1−βᵗ corrects the bias of the moments towards zero."""
        t, m, v = memory
        theta, m, v, _ = adam_step(
            theta,
            objective.gradient(theta),
            t + 1,
            m,
            v,
            rate=self.learning_rate,
            beta1=self.beta1,
            beta2=self.beta2,
            epsilon=self.epsilon,
            decay=self.weight_decay,
        )
        return theta, (t + 1, m, v)

"""Lion: Chen et al., 2023, Symbolic Discovery of Optimization Algorithms, arXiv:2302.06675.

Algorithm 2: the step is the sign of an interpolation between momentum and gradient, so all
parameters move by the same distance; the momentum itself is averaged more slowly.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation.recipes import Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective
from landscape_core.training.optimizers.base import LEARNING_RATE, Optimizer


@dataclass(frozen=True, kw_only=True)
class Lion(Optimizer[Vector]):
    """Moves every parameter by the same distance, along the sign of an averaged gradient."""

    label: ClassVar[str] = "Lion"
    family: ClassVar[str] = "adaptive"
    formula: ClassVar[str] = "c = β₁m + (1−β₁)g;  θ ← θ − η(sign c + λθ);  m ← β₂m + (1−β₂)g"
    source: ClassVar[str] = "Chen et al., 2023, Symbolic Discovery of Optimization Algorithms"

    learning_rate: Annotated[float, LEARNING_RATE] = 0.005
    beta1: Annotated[
        float, Knob(0.0, 0.999, "weight β₁ of the momentum against the gradient in the step")
    ] = 0.9
    beta2: Annotated[float, Knob(0.0, 0.9999, "exponential decay rate of the momentum, β₂")] = 0.99
    weight_decay: Annotated[
        float, Knob(0.0, 10.0, "decoupled weight decay λ: λθ is added to the step")
    ] = 0.0

    def init(self, theta: Vector) -> Vector:
        """Return the initial momentum: m = 0."""
        return torch.zeros_like(theta)

    def step(self, objective: Objective, theta: Vector, memory: Vector) -> tuple[Vector, Vector]:
        """Take a step of size η in each parameter, and update the momentum."""
        g = objective.gradient(theta)
        move = torch.lerp(memory, g, 1 - self.beta1).sign_()
        if self.weight_decay:
            move.add_(theta, alpha=self.weight_decay)
        theta = torch.sub(theta, move, alpha=self.learning_rate)
        return theta, torch.lerp(memory, g, 1 - self.beta2)

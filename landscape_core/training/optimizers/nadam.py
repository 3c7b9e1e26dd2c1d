"""NAdam: Dozat, 2016, Incorporating Nesterov Momentum into Adam.

With the momentum schedule of the paper, as in `torch.optim.NAdam`.
"""

import math
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

Moments = tuple[int, float, Vector, Vector]
"""Number of steps t, product Π of all μ so far, first moment m, second moment v."""


@dataclass(frozen=True, kw_only=True)
class NAdam(Optimizer[Moments]):
    """Adam with Nesterov momentum."""

    label: ClassVar[str] = "NAdam"
    family: ClassVar[str] = "adaptive"
    formula: ClassVar[str] = (
        "g ← g + λθ;  m ← β₁m + (1−β₁)g;  v ← β₂v + (1−β₂)g²;  "
        "μₜ = β₁(1 − ½·0.96^(ψt));  Π ← Πμₜ;  "
        "θ ← θ − η · [(1−μₜ)g/(1−Π) + μₜ₊₁m/(1−Πμₜ₊₁)] / (√(v/(1−β₂ᵗ)) + ε)"
    )
    source: ClassVar[str] = "Dozat, 2016, Incorporating Nesterov Momentum into Adam"

    learning_rate: Annotated[float, LEARNING_RATE] = 0.01
    beta1: Annotated[float, Knob(0.0, 0.999, "exponential decay rate of the first moment, β₁")] = (
        0.9
    )
    beta2: Annotated[
        float, Knob(0.0, 0.9999, "exponential decay rate of the second moment, β₂")
    ] = 0.999
    momentum_decay: Annotated[
        float, Knob(0.0, 1.0, "momentum decay ψ: rate at which μₜ grows from β₁/2 to β₁")
    ] = 0.004
    epsilon: Annotated[float, EPSILON] = 1e-8
    weight_decay: Annotated[float, WEIGHT_DECAY] = 0.0

    def init(self, theta: Vector) -> Moments:
        """Return the initial state: t = 0, Π = 1, both moments zero."""
        return 0, 1.0, torch.zeros_like(theta), torch.zeros_like(theta)

    def step(self, objective: Objective, theta: Vector, memory: Moments) -> tuple[Vector, Moments]:
        """Take a step with the Nesterov-corrected first moment over the root of the second."""
        t, product, m, v = memory
        g = decayed(objective.gradient(theta), theta, self.weight_decay)
        t = t + 1
        now, ahead = self._share(t), self._share(t + 1)
        product = product * now
        m = torch.lerp(m, g, 1 - self.beta1)
        v = (self.beta2 * v).addcmul_(g, g, value=1 - self.beta2)
        root = v.sqrt().div_(math.sqrt(1 - self.beta2**t)).add_(self.epsilon)
        newest = torch.addcdiv(
            theta, g, root, value=-self.learning_rate * (1 - now) / (1 - product)
        )
        step = self.learning_rate * ahead / (1 - product * ahead)
        return newest.addcdiv_(m, root, value=-step), (t, product, m, v)

    def _share(self, t: int) -> float:
        """The momentum coefficient μₜ."""
        return self.beta1 * (1 - 0.5 * 0.96 ** (t * self.momentum_decay))

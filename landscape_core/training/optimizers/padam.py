"""Padam: Chen, Zhou, Tang, Yang, Cao and Gu, 2018, arXiv:1806.06763.

Closing the Generalization Gap of Adaptive Gradient Methods: AMSGrad with the power p of the second
moment in the denominator; p = 1/2 is AMSGrad, and p near 0 is SGD with momentum. As in the authors'
code, which differs from algorithm 1, the moments are corrected for bias and ε is added before the
power is taken; weight decay is added to the gradient.
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

Moments = tuple[int, Vector, Vector, Vector]
"""Number of steps t, first moment m, second moment v, the running maximum u of v."""


@dataclass(frozen=True, kw_only=True)
class Padam(Optimizer[Moments]):
    """AMSGrad with a smaller power of the second moment: between SGD with momentum and AMSGrad."""

    label: ClassVar[str] = "Padam"
    family: ClassVar[str] = "adaptive"
    formula: ClassVar[str] = (
        "g ← g + λθ;  m ← β₁m + (1−β₁)g;  v ← β₂v + (1−β₂)g²;  u ← max(u, v);  "
        "θ ← θ − η √(1−β₂ᵗ)/(1−β₁ᵗ) · m / (√u + ε)^(2p)"
    )
    source: ClassVar[str] = (
        "Chen et al., 2018, Closing the Generalization Gap of Adaptive Gradient Methods in "
        "Training Deep Neural Networks"
    )

    learning_rate: Annotated[float, LEARNING_RATE] = 0.05
    beta1: Annotated[float, Knob(0.0, 0.999, "exponential decay rate of the first moment, β₁")] = (
        0.9
    )
    beta2: Annotated[
        float, Knob(0.0, 0.9999, "exponential decay rate of the second moment, β₂")
    ] = 0.999
    power: Annotated[
        float, Knob(0.0, 0.5, "power p of the second moment; 1/2: AMSGrad, 0: SGD with momentum")
    ] = 0.125
    epsilon: Annotated[float, EPSILON] = 1e-8
    weight_decay: Annotated[float, WEIGHT_DECAY] = 0.0

    def init(self, theta: Vector) -> Moments:
        """Return the initial state: t = 0, moments and maximum zero."""
        return 0, torch.zeros_like(theta), torch.zeros_like(theta), torch.zeros_like(theta)

    def step(self, objective: Objective, theta: Vector, memory: Moments) -> tuple[Vector, Moments]:
        """Take a step along the first moment over the power of the second."""
        t, m, v, u = memory
        t = t + 1
        g = decayed(objective.gradient(theta), theta, self.weight_decay)
        m = torch.lerp(m, g, 1 - self.beta1)
        v = (self.beta2 * v).addcmul_(g, g, value=1 - self.beta2)
        u = torch.maximum(u, v)
        below = u.sqrt().add_(self.epsilon).pow_(2 * self.power)
        rate = self.learning_rate * math.sqrt(1 - self.beta2**t) / (1 - self.beta1**t)
        return torch.addcdiv(theta, m, below, value=-rate), (t, m, v, u)

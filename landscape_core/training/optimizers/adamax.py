"""AdaMax: Kingma and Ba, 2015, Adam: A Method for Stochastic Optimization, algorithm 2.

The paper has no ε; here it is added to |g|, as in `torch.optim.Adamax`.
"""

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

Moments = tuple[int, Vector, Vector]
"""Number of steps t, first moment m, exponentially weighted infinity norm u."""


@dataclass(frozen=True, kw_only=True)
class Adamax(Optimizer[Moments]):
    """A variant of Adam based on the infinity norm of past gradients."""

    label: ClassVar[str] = "AdaMax"
    family: ClassVar[str] = "adaptive"
    formula: ClassVar[str] = (
        "g ← g + λθ;  m ← β₁m + (1−β₁)g;  u ← max(β₂u, |g| + ε);  θ ← θ − η · m/(1−β₁ᵗ) / u"
    )
    source: ClassVar[str] = (
        "Kingma & Ba, 2015, Adam: A Method for Stochastic Optimization, algorithm 2"
    )

    learning_rate: Annotated[float, LEARNING_RATE] = 0.02
    beta1: Annotated[float, Knob(0.0, 0.999, "exponential decay rate of the first moment, β₁")] = (
        0.9
    )
    beta2: Annotated[
        float, Knob(0.0, 0.9999, "exponential decay rate of the infinity norm, β₂")
    ] = 0.999
    epsilon: Annotated[float, EPSILON] = 1e-8
    weight_decay: Annotated[float, WEIGHT_DECAY] = 0.0

    def init(self, theta: Vector) -> Moments:
        """Return the initial state: t = 0, moment and norm zero."""
        return 0, torch.zeros_like(theta), torch.zeros_like(theta)

    def step(self, objective: Objective, theta: Vector, memory: Moments) -> tuple[Vector, Moments]:
        """Take one step; each parameter changes by at most about η."""
        t, m, u = memory
        g = decayed(objective.gradient(theta), theta, self.weight_decay)
        t = t + 1
        m = torch.lerp(m, g, 1 - self.beta1)
        u = torch.maximum(self.beta2 * u, g.abs().add_(self.epsilon))
        step = self.learning_rate / (1 - self.beta1**t)
        return torch.addcdiv(theta, m, u, value=-step), (t, m, u)

"""AMSGrad: Reddi, Kale and Kumar, 2018, On the Convergence of Adam and Beyond, algorithm 2.

The paper omits the bias correction 1−βᵗ; here it is kept, as in `torch.optim.Adam(amsgrad=True)`.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation.recipes import Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective
from landscape_core.training.optimizers._fused import adam_step
from landscape_core.training.optimizers.base import EPSILON, LEARNING_RATE, WEIGHT_DECAY, Optimizer

Moments = tuple[int, Vector, Vector, Vector]
"""Number of steps t, first moment m, second moment v, running maximum u of v."""


@dataclass(frozen=True, kw_only=True)
class AMSGrad(Optimizer[Moments]):
    """Adam that divides by the maximum of past second moments, so step sizes never increase."""

    label: ClassVar[str] = "AMSGrad"
    family: ClassVar[str] = "adaptive"
    formula: ClassVar[str] = (
        "g ← g + λθ;  m ← β₁m + (1−β₁)g;  v ← β₂v + (1−β₂)g²;  u ← max(u, v);  "
        "θ ← θ − η · m/(1−β₁ᵗ) / (√(u/(1−β₂ᵗ)) + ε)"
    )
    source: ClassVar[str] = "Reddi, Kale & Kumar, 2018, On the Convergence of Adam and Beyond"

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
        """Return the initial state: t = 0, moments and maximum zero."""
        return 0, torch.zeros_like(theta), torch.zeros_like(theta), torch.zeros_like(theta)

    def step(self, objective: Objective, theta: Vector, memory: Moments) -> tuple[Vector, Moments]:
        """Take a step of Adam with the running maximum of the second moment in the denominator."""
        t, m, v, u = memory
        theta, m, v, u = adam_step(
            theta,
            objective.gradient(theta),
            t + 1,
            m,
            v,
            u,
            rate=self.learning_rate,
            beta1=self.beta1,
            beta2=self.beta2,
            epsilon=self.epsilon,
            decay=self.weight_decay,
        )
        return theta, (t + 1, m, v, u)

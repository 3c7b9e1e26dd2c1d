"""AdamW: Loshchilov and Hutter, 2019, Decoupled Weight Decay Regularization, algorithm 2.

As in `torch.optim.AdamW`, the decay is multiplied by the learning rate.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation.recipes import Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective
from landscape_core.training.optimizers._fused import adam_step
from landscape_core.training.optimizers.base import EPSILON, LEARNING_RATE, Optimizer

Moments = tuple[int, Vector, Vector]
"""Number of steps t, first moment m, second moment v."""


@dataclass(frozen=True, kw_only=True)
class AdamW(Optimizer[Moments]):
    """Adam with decoupled weight decay, which is not scaled by the second moment."""

    label: ClassVar[str] = "AdamW"
    family: ClassVar[str] = "adaptive"
    formula: ClassVar[str] = (
        "m ← β₁m + (1−β₁)g;  v ← β₂v + (1−β₂)g²;  θ ← (1−ηλ)θ − η · m/(1−β₁ᵗ) / (√(v/(1−β₂ᵗ)) + ε)"
    )
    source: ClassVar[str] = "Loshchilov & Hutter, 2019, Decoupled Weight Decay Regularization"

    learning_rate: Annotated[float, LEARNING_RATE] = 0.01
    beta1: Annotated[float, Knob(0.0, 0.999, "exponential decay rate of the first moment, β₁")] = (
        0.9
    )
    beta2: Annotated[
        float, Knob(0.0, 0.9999, "exponential decay rate of the second moment, β₂")
    ] = 0.999
    epsilon: Annotated[float, EPSILON] = 1e-8
    weight_decay: Annotated[
        float,
        Knob(0.0, 10.0, "decoupled weight decay λ: each step multiplies the parameters by 1 − ηλ"),
    ] = 0.01

    def init(self, theta: Vector) -> Moments:
        """Return the initial state: t = 0, both moments zero."""
        return 0, torch.zeros_like(theta), torch.zeros_like(theta)

    def step(self, objective: Objective, theta: Vector, memory: Moments) -> tuple[Vector, Moments]:
        """Decay the parameters, then take a step of Adam with the gradient before the decay."""
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
            decoupled=True,
        )
        return theta, (t + 1, m, v)

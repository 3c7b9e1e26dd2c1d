"""AMSGrad: Reddi, Kale and Kumar, 2018, On the Convergence of Adam and Beyond, algorithm 2.

The paper leaves out the division by 1−βᵗ; here it is kept, as in `torch.optim.Adam(amsgrad=True)`.
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
"""Steps taken t, mean gradient m, mean squared gradient v, the largest v so far u."""


@dataclass(frozen=True, kw_only=True)
class AMSGrad(Optimizer[Moments]):
    """Adam that never forgets a large gradient: the steps of a weight only ever shrink."""

    label: ClassVar[str] = "AMSGrad"
    family: ClassVar[str] = "adaptive"
    formula: ClassVar[str] = (
        "g ← g + λθ;  m ← β₁m + (1−β₁)g;  v ← β₂v + (1−β₂)g²;  u ← max(u, v);  "
        "θ ← θ − η · m/(1−β₁ᵗ) / (√(u/(1−β₂ᵗ)) + ε)"
    )
    source: ClassVar[str] = "Reddi, Kale & Kumar, 2018, On the Convergence of Adam and Beyond"

    learning_rate: Annotated[float, LEARNING_RATE] = 0.01
    beta1: Annotated[float, Knob(0.0, 0.999, "memory β₁ of the mean gradient")] = 0.9
    beta2: Annotated[float, Knob(0.0, 0.9999, "memory β₂ of the mean squared gradient")] = 0.999
    epsilon: Annotated[float, EPSILON] = 1e-8
    weight_decay: Annotated[float, WEIGHT_DECAY] = 0.0

    def init(self, theta: Vector) -> Moments:
        """No step taken, both means and the largest zero."""
        return 0, torch.zeros_like(theta), torch.zeros_like(theta), torch.zeros_like(theta)

    def step(self, objective: Objective, theta: Vector, memory: Moments) -> tuple[Vector, Moments]:
        """One step of Adam, divided by the largest root mean square that there has been."""
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

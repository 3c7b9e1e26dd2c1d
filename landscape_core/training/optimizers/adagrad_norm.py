"""AdaGrad-norm: Ward, Wu and Bottou, 2018, AdaGrad Stepsizes, arXiv:1806.01811.

Algorithm 1: one step size for all parameters, η over the root of the sum of all squared gradient
norms. It converges for any η and b₀, without knowledge of the smoothness or the noise.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation.recipes import Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective
from landscape_core.training.optimizers.base import LEARNING_RATE, WEIGHT_DECAY, Optimizer, decayed


@dataclass(frozen=True, kw_only=True)
class AdaGradNorm(Optimizer[float]):
    """SGD whose step size falls with the sum of squared gradient norms."""

    label: ClassVar[str] = "AdaGrad-norm"
    family: ClassVar[str] = "adaptive"
    formula: ClassVar[str] = "g ← g + λθ;  b² ← b² + ‖g‖²;  θ ← θ − η g / b"
    source: ClassVar[str] = (
        "Ward, Wu & Bottou, 2018, AdaGrad Stepsizes: Sharp Convergence over Nonconvex Landscapes"
    )

    learning_rate: Annotated[float, LEARNING_RATE] = 0.5
    start: Annotated[
        float, Knob(1e-8, 1e4, "initial value b₀; larger values give smaller first steps", "log")
    ] = 0.1
    weight_decay: Annotated[float, WEIGHT_DECAY] = 0.0

    def init(self, theta: Vector) -> float:
        """Return the initial state: b₀²."""
        del theta
        return self.start**2

    def step(self, objective: Objective, theta: Vector, memory: float) -> tuple[Vector, float]:
        """Take a step of size η/b along −g."""
        g = decayed(objective.gradient(theta), theta, self.weight_decay)
        squared = memory + float(g @ g)
        return torch.sub(theta, g, alpha=self.learning_rate / squared**0.5), squared

"""SWATS: Keskar and Socher, 2017, Switching from Adam to SGD, arXiv:1712.07628.

Improving Generalization Performance by Switching from Adam to SGD, algorithm 1. While Adam runs,
its step p is projected onto the gradient: γ = p·p / −p·g is the learning rate of an SGD step whose
projection on p is p. Once the bias-corrected moving average of γ agrees with γ to within the
tolerance, SGD with momentum goes on with it. A schedule changes the learning rate of both phases:
what is kept is the ratio of the rate found to η. Weight decay is added to the gradient.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation.recipes import Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective
from landscape_core.training.optimizers._fused import adam_step
from landscape_core.training.optimizers.base import (
    EPSILON,
    LEARNING_RATE,
    WEIGHT_DECAY,
    Optimizer,
    decayed,
)

Phase = tuple[int, Vector, Vector, float, float]
"""Steps t; m, or the velocity of SGD; v; the moving average of γ; SGD's rate by η, 0 before it."""


@dataclass(frozen=True, kw_only=True)
class SWATS(Optimizer[Phase]):
    """Starts as Adam and switches to SGD with momentum, at a learning rate found on the way."""

    label: ClassVar[str] = "SWATS"
    family: ClassVar[str] = "adaptive"
    formula: ClassVar[str] = (
        "g ← g + λθ;  Adam: θ ← θ + p;  γ = p·p / −p·g;  a ← β₂a + (1−β₂)γ;  "
        "if |a/(1−β₂ᵗ) − γ| < tolerance: from now on v ← β₁v + g;  θ ← θ − (1−β₁) a/(1−β₂ᵗ) v"
    )
    source: ClassVar[str] = (
        "Keskar & Socher, 2017, Improving Generalization Performance by Switching from Adam to SGD"
    )

    learning_rate: Annotated[float, LEARNING_RATE] = 0.01
    beta1: Annotated[
        float, Knob(0.0, 0.999, "exponential decay rate of the first moment, and SGD's momentum β₁")
    ] = 0.9
    beta2: Annotated[
        float, Knob(0.0, 0.9999, "exponential decay rate of the second moment and of γ, β₂")
    ] = 0.999
    epsilon: Annotated[float, EPSILON] = 1e-8
    tolerance: Annotated[
        float, Knob(1e-12, 1.0, "how near γ must be to its average for the switch", "log")
    ] = 1e-9
    weight_decay: Annotated[float, WEIGHT_DECAY] = 0.0

    def init(self, theta: Vector) -> Phase:
        """Return the initial state: t = 0, all averages zero, Adam."""
        return 0, torch.zeros_like(theta), torch.zeros_like(theta), 0.0, 0.0

    def step(self, objective: Objective, theta: Vector, memory: Phase) -> tuple[Vector, Phase]:
        """Take a step of Adam and look for the switch, or a step of SGD."""
        t, m, v, average, ratio = memory
        g = decayed(objective.gradient(theta), theta, self.weight_decay)
        if ratio:
            m = torch.add(g, m, alpha=self.beta1)
            rate = (1 - self.beta1) * ratio * self.learning_rate
            return torch.sub(theta, m, alpha=rate), (t, m, v, average, ratio)
        t = t + 1
        rate = self.learning_rate
        new, m, v, _ = adam_step(
            theta,
            g,
            t,
            m,
            v,
            rate=rate,
            beta1=self.beta1,
            beta2=self.beta2,
            epsilon=self.epsilon,
            decay=0.0,
        )
        p = new - theta
        along = float(p @ g)
        if along:
            found = float(p @ p) / -along
            average = self.beta2 * average + (1 - self.beta2) * found
            corrected = average / (1 - self.beta2**t)
            if t > 1 and corrected > 0 and abs(corrected - found) < self.tolerance:
                return new, (t, torch.zeros_like(m), v, average, corrected / rate)
        return new, (t, m, v, average, 0.0)

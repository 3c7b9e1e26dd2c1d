"""LAMB: You et al., 2020, Large Batch Optimization for Deep Learning, algorithm 2.

arXiv:1904.00962. The paper leaves the scaling function φ of the weight norm open; here, as in
common implementations, φ(z) = min(z, cap). Biases and normalization gains are updated as in AdamW:
they decay, too, as algorithm 2 has it for all parameters. Common code leaves them out of the decay.
"""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation.recipes import Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective
from landscape_core.models.parameters import Layout
from landscape_core.training.optimizers.base import EPSILON, LEARNING_RATE, Optimizer

Moments = tuple[int, Vector, Vector]
"""Number of steps t, first moment m, second moment v."""


@dataclass(frozen=True, kw_only=True)
class LAMB(Optimizer[Moments]):
    """Adam with layer-wise step sizes proportional to the norm of the layer's weights."""

    label: ClassVar[str] = "LAMB"
    family: ClassVar[str] = "adaptive"
    formula: ClassVar[str] = (
        "m ← β₁m + (1−β₁)g;  v ← β₂v + (1−β₂)g²;  r = m/(1−β₁ᵗ) / (√(v/(1−β₂ᵗ)) + ε) + "
        "λθ;  θ ← θ − η · min(‖θₗ‖, cap)/‖rₗ‖ · r, with the trust ratio of each layer "
        "l, 1 for biases"
    )
    source: ClassVar[str] = (
        "You et al., 2020, Large Batch Optimization for Deep Learning: Training BERT in 76 minutes"
    )

    learning_rate: Annotated[float, LEARNING_RATE] = 0.01
    beta1: Annotated[float, Knob(0.0, 0.999, "exponential decay rate of the first moment, β₁")] = (
        0.9
    )
    beta2: Annotated[
        float, Knob(0.0, 0.9999, "exponential decay rate of the second moment, β₂")
    ] = 0.999
    epsilon: Annotated[float, EPSILON] = 1e-6
    weight_decay: Annotated[
        float,
        Knob(0.0, 10.0, "decoupled weight decay λ: λθ is added to the update r, also of biases"),
    ] = 0.01
    cap: Annotated[
        float, Knob(1e-3, 1e6, "upper bound on the layer norm in the trust ratio", "log")
    ] = 10.0

    def init(self, theta: Vector) -> Moments:
        """Return the initial state: t = 0, both moments zero."""
        return 0, torch.zeros_like(theta), torch.zeros_like(theta)

    def step(self, objective: Objective, theta: Vector, memory: Moments) -> tuple[Vector, Moments]:
        """Take a step along −r, in each layer with length η times the norm of its weights."""
        t, m, v = memory
        g = objective.gradient(theta)
        t = t + 1
        m = torch.lerp(m, g, 1 - self.beta1)
        v = (self.beta2 * v).addcmul_(g, g, value=1 - self.beta2)
        root = v.sqrt().div_(math.sqrt(1 - self.beta2**t)).add_(self.epsilon)
        r = torch.addcdiv(self.weight_decay * theta, m, root, value=1 / (1 - self.beta1**t))
        factors = self._factors(objective.layout, theta, r)
        return torch.addcmul(theta, factors, r, value=-self.learning_rate), (t, m, v)

    def _factors(self, layout: Layout, theta: Vector, r: Vector) -> Vector:
        """The trust ratio of each parameter, (P,); 1 for biases, gains and zero norms."""
        factors = torch.ones_like(theta)
        for block in layout.blocks:
            if block.has_filters:
                weights, update = block.of(theta).norm(), block.of(r).norm()
                ratio = weights.clamp(max=self.cap) / update
                safe = torch.where((weights > 0) & (update > 0), ratio, 1.0)
                factors[block.start : block.stop] = safe
        return factors

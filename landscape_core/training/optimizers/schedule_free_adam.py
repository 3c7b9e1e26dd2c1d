"""Schedule-free Adam: Defazio et al., 2024, The Road Less Scheduled, arXiv:2405.15682.

Algorithm 1. Three sequences: z makes the steps, x is their average, weighted by η², and the
gradient is taken at y between both. θ is x, the point at which the paper evaluates: it is what is
recorded, drawn and tested. The loss of a mini-batch and the running statistics of batch
normalization are those at y. In place of a schedule there is linear warm-up; the average takes the
place of the decay.

The interpolation takes the place of Adam's first moment, so that β₁ is its weight. As in the
authors' code, weight decay is at y, and γ in the weights is the largest step size so far.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation.recipes import Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective
from landscape_core.training.optimizers.base import EPSILON, LEARNING_RATE, Optimizer

Sequences = tuple[int, Vector, Vector, float, float]
"""Number of steps t, z, second moment v, the sum of weights, the largest step size so far."""


@dataclass(frozen=True, kw_only=True)
class ScheduleFreeAdam(Optimizer[Sequences]):
    """Adam with averaged iterates in place of a learning-rate schedule."""

    label: ClassVar[str] = "Schedule-free Adam"
    family: ClassVar[str] = "adaptive"
    formula: ClassVar[str] = (
        "y = (1−β₁)z + β₁θ;  g the gradient at y;  v ← β₂v + (1−β₂)g²;  γ = η · min(1, t/warm-up); "
        " z ← z − γ(g / (√(v/(1−β₂ᵗ)) + ε) + λy);  c = γ² / Σγ²;  θ ← (1−c)θ + cz"
    )
    source: ClassVar[str] = "Defazio et al., 2024, The Road Less Scheduled"

    learning_rate: Annotated[float, LEARNING_RATE] = 0.05
    beta1: Annotated[
        float, Knob(0.0, 0.999, "weight β₁ of the average in the point where the gradient is taken")
    ] = 0.9
    beta2: Annotated[
        float, Knob(0.0, 0.9999, "exponential decay rate of the second moment, β₂")
    ] = 0.999
    epsilon: Annotated[float, EPSILON] = 1e-8
    warmup: Annotated[
        int, Knob(0, 100_000, "steps of linear warm-up of the learning rate; 0: none")
    ] = 0
    weight_decay: Annotated[
        float, Knob(0.0, 10.0, "decoupled weight decay λ at y, where the gradient is taken")
    ] = 0.0

    def init(self, theta: Vector) -> Sequences:
        """Return the initial state: t = 0, z = θ, second moment zero."""
        return 0, theta, torch.zeros_like(theta), 0.0, 0.0

    def step(
        self, objective: Objective, theta: Vector, memory: Sequences
    ) -> tuple[Vector, Sequences]:
        """Take a step of z by the gradient at y, and average it into θ."""
        t, z, v, total, largest = memory
        t = t + 1
        y = torch.lerp(z, theta, self.beta1)
        g = objective.gradient(y)
        v = (self.beta2 * v).addcmul_(g, g, value=1 - self.beta2)
        root = (v / (1 - self.beta2**t)).sqrt_().add_(self.epsilon)
        rate = self.learning_rate * (min(1.0, t / self.warmup) if self.warmup else 1.0)
        z = torch.add(z, g / root + self.weight_decay * y, alpha=-rate)
        largest = max(largest, rate)
        total = total + largest**2
        share = largest**2 / total if total else 1.0  # the rate is still 0: z has not moved
        return torch.lerp(theta, z, share), (t, z, v, total, largest)

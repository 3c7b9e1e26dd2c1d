"""LARS: You, Gitman and Ginsburg, 2017, Large Batch Training of Convolutional Networks.

Algorithm 1 of arXiv:1708.03888; biases and gains are updated by SGD with momentum, and decay like
the weights, where common code leaves them out of the decay. The trust coefficient of the paper is
0.001, for hundreds of thousands of steps.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation.recipes import Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective
from landscape_core.models.parameters import Layout
from landscape_core.training.optimizers.base import LEARNING_RATE, MOMENTUM, Optimizer


@dataclass(frozen=True, kw_only=True)
class LARS(Optimizer[Vector]):
    """SGD with momentum and layer-wise learning rates proportional to ‖weights‖ / ‖gradient‖."""

    label: ClassVar[str] = "LARS"
    family: ClassVar[str] = "adaptive"
    formula: ClassVar[str] = (
        "r = c‖θₗ‖ / (‖gₗ‖ + λ‖θₗ‖) in each layer l, 1 for biases;  v ← μv + ηr(g + λθ);  θ ← θ − v"
    )
    source: ClassVar[str] = (
        "You, Gitman & Ginsburg, 2017, Large Batch Training of Convolutional Networks"
    )

    learning_rate: Annotated[float, LEARNING_RATE] = 0.1
    momentum: Annotated[float, MOMENTUM] = 0.9
    trust_coefficient: Annotated[
        float,
        Knob(
            1e-6,
            1.0,
            "trust coefficient c: the update's norm relative to the layer's weights, times η",
            "log",
        ),
    ] = 0.01
    weight_decay: Annotated[
        float,
        Knob(
            0.0, 1.0, "weight decay (L2 coefficient λ): λθ is added to the gradient, also of biases"
        ),
    ] = 0.0005

    def init(self, theta: Vector) -> Vector:
        """Return the initial velocity: v = 0."""
        return torch.zeros_like(theta)

    def step(self, objective: Objective, theta: Vector, memory: Vector) -> tuple[Vector, Vector]:
        """Take a step along the negative velocity, updated by g at layer-wise rates."""
        g = objective.gradient(theta)
        factors = self._factors(objective.layout, theta, g)
        decayed = torch.add(g, theta, alpha=self.weight_decay)
        v = torch.addcmul(self.momentum * memory, factors, decayed, value=self.learning_rate)
        return theta - v, v

    def _factors(self, layout: Layout, theta: Vector, g: Vector) -> Vector:
        """The local learning rate r of each parameter, (P,); 1 for biases, gains and zero norms."""
        factors = torch.ones_like(theta)
        for block in layout.blocks:
            if block.has_filters:
                weights, gradient = block.of(theta).norm(), block.of(g).norm()
                ratio = self.trust_coefficient * weights / (gradient + self.weight_decay * weights)
                safe = torch.where((weights > 0) & (gradient > 0), ratio, 1.0)
                factors[block.start : block.stop] = safe
        return factors

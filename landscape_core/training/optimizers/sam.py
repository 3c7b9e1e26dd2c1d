"""SAM: Foret, Kleiner, Mobahi and Neyshabur, 2021, Sharpness-Aware Minimization, algorithm 1.

Around SGD with momentum, with p = 2. Each step takes two gradients of the same mini-batch; batch
normalization updates its statistics at both.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch.nn.functional import normalize

from landscape_core.foundation.recipes import Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective
from landscape_core.training.optimizers.base import LEARNING_RATE, MOMENTUM, WEIGHT_DECAY, Optimizer


@dataclass(frozen=True, kw_only=True)
class SAM(Optimizer[Vector]):
    """Minimizes the worst-case loss in a neighbourhood of the weights, which favours flat minima.

    The worst case is approximated by the maximum of the linearized loss in a ball of radius ρ.
    """

    label: ClassVar[str] = "SAM (sharpness-aware)"
    family: ClassVar[str] = "gradient descent"
    formula: ClassVar[str] = "g = gradient at θ + ρg/‖g‖;  g ← g + λθ;  v ← μv + g;  θ ← θ − ηv"
    source: ClassVar[str] = (
        "Foret, Kleiner, Mobahi & Neyshabur, 2021, Sharpness-Aware Minimization for Efficiently "
        "Improving Generalization"
    )

    learning_rate: Annotated[float, LEARNING_RATE] = 0.02
    rho: Annotated[
        float, Knob(0.0, 10.0, "neighbourhood size ρ: radius of the perturbation ball")
    ] = 0.05
    momentum: Annotated[float, MOMENTUM] = 0.9
    weight_decay: Annotated[float, WEIGHT_DECAY] = 0.0

    def init(self, theta: Vector) -> Vector:
        """Return the initial velocity: v = 0."""
        return torch.zeros_like(theta)

    def step(self, objective: Objective, theta: Vector, memory: Vector) -> tuple[Vector, Vector]:
        """Take a step of SGD with momentum from θ, with the gradient at the perturbed point."""
        uphill = objective.gradient(theta)
        g = objective.still.gradient(torch.add(theta, normalize(uphill, dim=0), alpha=self.rho))
        g = torch.add(g, theta, alpha=self.weight_decay)
        v = torch.add(g, memory, alpha=self.momentum)
        return torch.sub(theta, v, alpha=self.learning_rate), v

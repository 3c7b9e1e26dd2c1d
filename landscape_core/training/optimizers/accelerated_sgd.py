"""Accelerated SGD: Jain, Kakade, Kidambi, Netrapalli and Sidford, 2017, arXiv:1704.08227.

In the form of Kidambi, Netrapalli, Jain and Kakade, 2018, On the Insufficiency of Existing Momentum
Schemes for Stochastic Optimization, arXiv:1803.05591, whose hyperparameters are the learning rate,
the ratio κ of the long step to the short one, and the statistical advantage ξ ≤ √κ. It is often
called ASGD; `torch.optim.ASGD` is another method, averaged SGD. θ is the point at which the
gradient is taken.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation.recipes import Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective
from landscape_core.training.optimizers.base import LEARNING_RATE, WEIGHT_DECAY, Optimizer, decayed

CONSTANT = 0.7
"""The authors' c, any number below 1."""


@dataclass(frozen=True, kw_only=True)
class AcceleratedSGD(Optimizer[Vector]):
    """Averages short gradient steps with those of a sequence that takes long ones."""

    label: ClassVar[str] = "Accelerated SGD"
    family: ClassVar[str] = "momentum"
    formula: ClassVar[str] = (
        "g ← g + λθ;  β = c²ξ/κ, c = 0.7;  v ← (1−β)v + β(θ − (κη/c) g);  "
        "θ ← (c(θ − ηg) + βv) / (c + β)"
    )
    source: ClassVar[str] = (
        "Jain et al., 2017, Accelerating Stochastic Gradient Descent for Least Squares Regression; "
        "Kidambi et al., 2018, On the insufficiency of existing momentum schemes"
    )

    learning_rate: Annotated[float, LEARNING_RATE] = 0.05
    long_step: Annotated[
        float, Knob(10.0, 1e6, "ratio κ of the long step to the short one", "log")
    ] = 100.0
    advantage: Annotated[
        float, Knob(1.0, 20.0, "statistical advantage ξ, at most about √κ; larger: less momentum")
    ] = 10.0
    weight_decay: Annotated[float, WEIGHT_DECAY] = 0.0

    def init(self, theta: Vector) -> Vector:
        """Return the initial state: v = θ."""
        return theta

    def step(self, objective: Objective, theta: Vector, memory: Vector) -> tuple[Vector, Vector]:
        """Take a long step of v and a short one of θ, and average them."""
        g = decayed(objective.gradient(theta), theta, self.weight_decay)
        beta = CONSTANT**2 * self.advantage / self.long_step
        far = torch.sub(theta, g, alpha=self.learning_rate * self.long_step / CONSTANT)
        v = torch.lerp(memory, far, beta)
        near = torch.sub(theta, g, alpha=self.learning_rate)
        return torch.lerp(near, v, beta / (CONSTANT + beta)), v

"""MaSS: Liu and Belkin, 2018, Accelerating SGD with Momentum, arXiv:1810.13395.

Nesterov's momentum with a compensation term: part of the gradient step is taken back at the
extrapolated point. Without it, the authors show, SGD with Nesterov's momentum does not gain over
SGD and may diverge at its step sizes; with it, SGD is accelerated where the model can fit all
examples. In terms of their α and κ̃, γ = (1−α)/(1+α) and c = (1 − 1/κ̃)/(1+α); the defaults are
about α = 0.05 and κ̃ = 3. θ is their u, the point at which the gradient is taken.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation.recipes import Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective
from landscape_core.training.optimizers.base import (
    LEARNING_RATE,
    MOMENTUM,
    WEIGHT_DECAY,
    Optimizer,
    decayed,
)


@dataclass(frozen=True, kw_only=True)
class MaSS(Optimizer[Vector]):
    """SGD with Nesterov momentum and a compensation term, for models that fit all examples."""

    label: ClassVar[str] = "MaSS"
    family: ClassVar[str] = "momentum"
    formula: ClassVar[str] = "g ← g + λθ;  w₊ = θ − ηg;  θ ← (1+γ)w₊ − γw + cηg;  w ← w₊"
    source: ClassVar[str] = (
        "Liu & Belkin, 2018, Accelerating SGD with momentum for over-parameterized learning"
    )

    learning_rate: Annotated[float, LEARNING_RATE] = 0.05
    momentum: Annotated[float, MOMENTUM] = 0.9
    compensation: Annotated[
        float,
        Knob(0.0, 1.0, "fraction c of the gradient step that is taken back; 0: Nesterov"),
    ] = 0.6
    weight_decay: Annotated[float, WEIGHT_DECAY] = 0.0

    def init(self, theta: Vector) -> Vector:
        """Return the initial state: w = θ."""
        return theta

    def step(self, objective: Objective, theta: Vector, memory: Vector) -> tuple[Vector, Vector]:
        """Take a gradient step to w, extrapolate, and take a part of the step back."""
        g = decayed(objective.gradient(theta), theta, self.weight_decay)
        new = torch.sub(theta, g, alpha=self.learning_rate)
        ahead = torch.add(new, new - memory, alpha=self.momentum)
        return torch.add(ahead, g, alpha=self.compensation * self.learning_rate), new

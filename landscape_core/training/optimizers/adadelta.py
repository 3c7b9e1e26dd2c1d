"""Adadelta: Zeiler, 2012, ADADELTA: An Adaptive Learning Rate Method, algorithm 1.

The paper has no learning rate: η = 1. As in `torch.optim.Adadelta`, it can be set here; the square
root of ε sets the size of the first steps, which are small.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation.recipes import Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective
from landscape_core.training.optimizers.base import EPSILON, WEIGHT_DECAY, Optimizer, decayed

Averages = tuple[Vector, Vector]
"""Running averages of the squared gradient E and of the squared update D."""


@dataclass(frozen=True, kw_only=True)
class Adadelta(Optimizer[Averages]):
    """Scales each update by running averages of squared gradients and squared updates."""

    label: ClassVar[str] = "Adadelta"
    family: ClassVar[str] = "adaptive"
    formula: ClassVar[str] = (
        "g ← g + λθ;  E ← ρE + (1−ρ)g²;  Δ = g · √(D + ε) / √(E + ε);  D ← ρD + (1−ρ)Δ²;  "
        "θ ← θ − ηΔ"
    )
    source: ClassVar[str] = "Zeiler, 2012, ADADELTA: An Adaptive Learning Rate Method"

    learning_rate: Annotated[
        float,
        Knob(1e-4, 1e4, "learning rate η: factor applied to the update; 1 in the paper", "log"),
    ] = 1.0
    rho: Annotated[
        float, Knob(0.0, 0.9999, "coefficient ρ of both running averages of squares")
    ] = 0.9
    epsilon: Annotated[float, EPSILON] = 1e-6
    weight_decay: Annotated[float, WEIGHT_DECAY] = 0.0

    def init(self, theta: Vector) -> Averages:
        """Return the initial state: both running averages zero."""
        return torch.zeros_like(theta), torch.zeros_like(theta)

    def step(
        self, objective: Objective, theta: Vector, memory: Averages
    ) -> tuple[Vector, Averages]:
        """Take a step of η times the gradient rescaled to the units of the parameters."""
        squares, steps = memory
        g = decayed(objective.gradient(theta), theta, self.weight_decay)
        squares = (self.rho * squares).addcmul_(g, g, value=1 - self.rho)
        root = squares.add(self.epsilon).sqrt_()
        delta = steps.add(self.epsilon).sqrt_().div_(root).mul_(g)
        steps = (self.rho * steps).addcmul_(delta, delta, value=1 - self.rho)
        return torch.sub(theta, delta, alpha=self.learning_rate), (squares, steps)

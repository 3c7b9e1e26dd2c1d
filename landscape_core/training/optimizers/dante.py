"""DANTE: Sinha, Kudugunta, Sankar, Chavali, Balasubramanian, 2020, Deep AlterNations for Training.

All layers but one are frozen; the remaining problem is locally quasi-convex and is minimized by a
few steps of stochastic normalized gradient descent (Hazan, Levy and Shalev-Shwartz, 2015, Beyond
Convexity). Then follows the previous layer, and after the first the last again. The gradient of all
layers is computed and that of one used: a step costs as much as one of SGD, so the path is that of
the method but its savings are not realized. With a constant η all steps have the same length, and
the loss stops decreasing at a level that depends on η.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation.recipes import Knob, Note
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective
from landscape_core.models.parameters import Layout, groups
from landscape_core.training.optimizers.base import LEARNING_RATE, Optimizer


@dataclass(frozen=True, kw_only=True)
class DANTE(Optimizer[int]):
    """Trains one layer at a time, from last to first, by normalized gradient descent."""

    label: ClassVar[str] = "DANTE"
    family: ClassVar[str] = "subproblems"
    formula: ClassVar[str] = (
        "d = g in the active layer and 0 elsewhere; k steps per layer, from the last to"
        " the first;  θ ← θ − η d / ‖d‖"
    )
    source: ClassVar[str] = (
        "Sinha, Kudugunta, Sankar, Chavali & Balasubramanian, 2020, DANTE: Deep AlterNations for "
        "Training nEural networks"
    )

    learning_rate: Annotated[float, LEARNING_RATE] = 0.1
    turn: Annotated[
        int, Knob(1, 100_000, "number of steps k per layer before moving to the next", "log")
    ] = 5
    normalized: Annotated[
        bool,
        Note(
            "normalize the layer's gradient to unit length; off: block coordinate descent by layers"
        ),
    ] = True

    def init(self, theta: Vector) -> int:
        """Return the initial step count, 0."""
        del theta
        return 0

    def step(self, objective: Objective, theta: Vector, memory: int) -> tuple[Vector, int]:
        """Take a step in the active layer."""
        g = objective.gradient(theta)
        d = torch.where(self._moving(objective.layout, theta, memory), g, 0.0)
        if self.normalized:
            length = d.norm()
            d = torch.where(length > 0, d / length, d)
        return torch.sub(theta, d, alpha=self.learning_rate), memory + 1

    def _moving(self, layout: Layout, theta: Vector, t: int) -> torch.Tensor:
        """The mask of the parameters updated at step t, (P,)."""
        layers = list(groups(layout).values())
        moving = torch.zeros_like(theta, dtype=torch.bool)
        for block in layers[-1 - (t // self.turn) % len(layers)]:
            moving[block.start : block.stop] = True
        return moving

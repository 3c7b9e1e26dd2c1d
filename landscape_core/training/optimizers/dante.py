"""DANTE: Sinha, Kudugunta, Sankar, Chavali, Balasubramanian, 2020, Deep AlterNations for Training.

All layers but one are frozen; what is left of the problem is locally quasi-convex, and is worked at
by a few stochastic steps along the normalized gradient, of the same length whatever the slope
(Hazan, Levy and Shalev-Shwartz, 2015, Beyond Convexity). Then comes the layer before, and after the
first the last again. The gradient of all layers is taken and that of one kept: a step costs as much
as one of SGD, and shows the path of the method, not its savings. At a fixed η a step never grows
shorter: the loss ends on a floor that falls with η.
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
    """Trains one layer at a time, from the last to the first, by steps of the same length."""

    label: ClassVar[str] = "DANTE"
    family: ClassVar[str] = "subproblems"
    formula: ClassVar[str] = (
        "d = g in the layer whose turn it is, k steps each, from the last to the first, 0 "
        "elsewhere;  θ ← θ − η d / ‖d‖"
    )
    source: ClassVar[str] = (
        "Sinha, Kudugunta, Sankar, Chavali & Balasubramanian, 2020, DANTE: Deep AlterNations for "
        "Training nEural networks"
    )

    learning_rate: Annotated[float, LEARNING_RATE] = 0.1
    turn: Annotated[int, Knob(1, 100_000, "steps k in one layer before the next", "log")] = 5
    normalized: Annotated[
        bool, Note("divide the layer's gradient by its length; off: plain descent in turns")
    ] = True

    def init(self, theta: Vector) -> int:
        """The number of steps taken: none."""
        del theta
        return 0

    def step(self, objective: Objective, theta: Vector, memory: int) -> tuple[Vector, int]:
        """One step in the layer whose turn it is."""
        g = objective.gradient(theta)
        d = torch.where(self._moving(objective.layout, theta, memory), g, 0.0)
        if self.normalized:
            length = d.norm()
            d = torch.where(length > 0, d / length, d)
        return torch.sub(theta, d, alpha=self.learning_rate), memory + 1

    def _moving(self, layout: Layout, theta: Vector, t: int) -> torch.Tensor:
        """Which weights step t moves, (P,)."""
        layers = list(groups(layout).values())
        moving = torch.zeros_like(theta, dtype=torch.bool)
        for block in layers[-1 - (t // self.turn) % len(layers)]:
            moving[block.start : block.stop] = True
        return moving

"""Block coordinate descent: Nesterov, 2012, Efficiency of Coordinate Descent Methods.

That is for random coordinates; Wright, 2015, Coordinate Descent Algorithms, has both orders. The
gradient of all weights is taken and that of the block kept: a step costs as much as one of SGD, and
shows the path of the method, not its savings.

The exact step goes to the minimum, by the second derivative, along the block's gradient: for one
coordinate at a time that is gᵢ/Hᵢᵢ, the minimum of a quadratic over the coordinate. It takes one
product with the Hessian. Where that finds no positive curvature the step is the fixed one.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation import random_streams
from landscape_core.foundation.recipes import Choice, Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective
from landscape_core.training.optimizers.base import LEARNING_RATE, Optimizer


@dataclass(frozen=True, kw_only=True)
class CoordinateDescent(Optimizer[int]):
    """Moves a few weights at a time, in turn or drawn at random, and leaves the others."""

    label: ClassVar[str] = "Coordinate descent"
    family: ClassVar[str] = "gradient descent"
    formula: ClassVar[str] = (
        "B = the step's coordinates;  d = g on B, 0 elsewhere;  θ ← θ − ηd;  "
        "exact: θ ← θ − (d·d / d·Hd) d, where d·Hd > 0"
    )
    source: ClassVar[str] = (
        "Nesterov, 2012, Efficiency of Coordinate Descent Methods on Huge-Scale Optimization "
        "Problems; Wright, 2015, Coordinate Descent Algorithms"
    )

    learning_rate: Annotated[float, LEARNING_RATE] = 0.1
    block: Annotated[
        int, Knob(1, 1_000_000, "coordinates moved at a step; all if there are fewer", "log")
    ] = 16
    order: Annotated[
        str, Choice(("random", "cyclic"), "drawn anew at each step, or one after another")
    ] = "random"
    length: Annotated[
        str, Choice(("fixed", "exact"), "step by η, or to the minimum along the block's gradient")
    ] = "fixed"
    seed: Annotated[int, Knob(0, 2**31 - 1, "draws the coordinates")] = 0

    def init(self, theta: Vector) -> int:
        """The number of steps taken: none."""
        del theta
        return 0

    def step(self, objective: Objective, theta: Vector, memory: int) -> tuple[Vector, int]:
        """One step along the gradient of the step's block."""
        chosen = self._coordinates(memory, len(theta)).to(theta.device)
        g = objective.gradient(theta)
        d = torch.zeros_like(g).index_copy_(0, chosen, g[chosen])
        return theta - self._rate(objective, theta, d) * d, memory + 1

    def _coordinates(self, t: int, size: int) -> torch.Tensor:
        """The indices of the coordinates that step t moves, of so many."""
        count = min(self.block, size)
        if self.order == "cyclic":
            return (t * count + torch.arange(count)) % size
        rng = random_streams.stream(self.seed, "coordinates", t)
        return torch.randperm(size, generator=rng)[:count]

    def _rate(self, objective: Objective, theta: Vector, d: Vector) -> float:
        """η, or the distance to the minimum along d in units of d, where the loss is convex."""
        if self.length == "fixed":
            return self.learning_rate
        curvature = float(d @ objective.hvp(theta, d))
        return float(d @ d) / curvature if curvature > 0 else self.learning_rate

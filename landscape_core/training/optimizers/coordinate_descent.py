"""Block coordinate descent: Nesterov, 2012, Efficiency of Coordinate Descent Methods.

Nesterov treats random coordinates; Wright, 2015, Coordinate Descent Algorithms, both orders. The
full gradient is computed and all but the block discarded: a step costs as much as one of SGD, so
the path is that of the method but its savings are not realized.

The exact step goes to the minimum of the quadratic model along the block's gradient: for a single
coordinate that is gᵢ/Hᵢᵢ. It takes one Hessian-vector product. If the curvature is not positive,
the fixed step size is used.
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
    """Updates one block of coordinates per step, chosen cyclically or at random."""

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
    block: Annotated[int, Knob(1, 1_000_000, "number of coordinates updated per step", "log")] = 16
    order: Annotated[
        str, Choice(("random", "cyclic"), "choose the coordinates at random, or cyclically")
    ] = "random"
    length: Annotated[
        str,
        Choice(
            ("fixed", "exact"),
            "fixed step size η, or exact line search on the quadratic model along the "
            "block's gradient",
        ),
    ] = "fixed"
    seed: Annotated[int, Knob(0, 2**31 - 1, "random seed of the coordinates")] = 0

    def scaled_by_rate(self) -> bool:
        """Whether steps begin with η: those of the quadratic model do not."""
        return self.length != "exact"

    def init(self, theta: Vector) -> int:
        """Return the initial step count, 0."""
        del theta
        return 0

    def step(self, objective: Objective, theta: Vector, memory: int) -> tuple[Vector, int]:
        """Take a step along the negative gradient of the block."""
        chosen = self._coordinates(memory, len(theta)).to(theta.device)
        g = objective.gradient(theta)
        d = torch.zeros_like(g).index_copy_(0, chosen, g[chosen])
        return theta - self._rate(objective, theta, d) * d, memory + 1

    def _coordinates(self, t: int, size: int) -> torch.Tensor:
        """The indices of the coordinates updated at step t."""
        count = min(self.block, size)
        if self.order == "cyclic":
            return (t * count + torch.arange(count)) % size
        rng = random_streams.stream(self.seed, "coordinates", t)
        return torch.randperm(size, generator=rng)[:count]

    def _rate(self, objective: Objective, theta: Vector, d: Vector) -> float:
        """The fixed η, or the exact step length along d where the curvature is positive."""
        if self.length == "fixed":
            return self.learning_rate
        curvature = float(d @ objective.hvp(theta, d))
        return float(d @ d) / curvature if curvature > 0 else self.learning_rate

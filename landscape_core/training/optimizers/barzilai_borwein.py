"""Barzilai and Borwein, 1988, Two-Point Step Size Gradient Methods.

The next step size is read from what the last step s did to the gradient, y. Both gradients are of
the same mini-batch, two a step, so that y holds curvature and not the difference of two batches.
The absolute value is that of Tan, Ma, Dai and Qian, 2016, Barzilai-Borwein Step Size for Stochastic
Gradient Descent: the curvature along s may be negative. A change of learning rate during a run has
no effect: it is the first step's alone.
"""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

from landscape_core.foundation.recipes import Choice, Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective
from landscape_core.training.optimizers.base import Optimizer


@dataclass(frozen=True, kw_only=True)
class BarzilaiBorwein(Optimizer[float | None]):
    """Gradient descent that finds its step size: from how the last step changed the gradient."""

    label: ClassVar[str] = "Barzilai–Borwein"
    family: ClassVar[str] = "second order"
    formula: ClassVar[str] = (
        "θ ← θ − ηg;  s = change of θ;  y = change of g;  "
        "η ← |s·s / s·y| (long) or |s·y / y·y| (short), at most the largest"
    )
    source: ClassVar[str] = "Barzilai & Borwein, 1988, Two-Point Step Size Gradient Methods"

    learning_rate: Annotated[
        float, Knob(1e-5, 100.0, "the first step size η; those after it are found", "log")
    ] = 0.01
    length: Annotated[
        str, Choice(("short", "long"), "which of the two step sizes; the short one is safer")
    ] = "short"
    largest: Annotated[float, Knob(1e-4, 1e8, "largest step size allowed", "log")] = 10.0

    def init(self, theta: Vector) -> None:
        """No step size found yet."""
        del theta

    def step(
        self, objective: Objective, theta: Vector, memory: float | None
    ) -> tuple[Vector, float]:
        """One step against g, and the size of the next."""
        rate = self.learning_rate if memory is None else memory
        g = objective.gradient(theta)
        s = -rate * g
        new = theta + s
        y = objective.still.gradient(new) - g
        curvature = float(s @ y)
        if self.length == "long":
            found = _over(float(s @ s), curvature)
        else:
            found = _over(curvature, float(y @ y))
        return new, min(abs(found), self.largest)


def _over(one: float, other: float) -> float:
    """The quotient; infinity where the gradient did not change."""
    return one / other if other else math.inf

"""Barzilai and Borwein, 1988, Two-Point Step Size Gradient Methods.

The next step size is computed from the last step s and the change y of the gradient. Both gradients
are of the same mini-batch, two per step, so that y reflects curvature and not the difference of two
batches. The absolute value is that of Tan, Ma, Dai and Qian, 2016, Barzilai-Borwein Step Size for
Stochastic Gradient Descent: the curvature along s may be negative. A change of the learning rate
during a run has no effect: it sets the first step only.
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
    """Gradient descent whose step size follows from the last change of the gradient."""

    label: ClassVar[str] = "Barzilai–Borwein"
    family: ClassVar[str] = "second order"
    formula: ClassVar[str] = (
        "θ ← θ − ηg;  s = change of θ;  y = change of g;  "
        "η ← |s·s / s·y| (long) or |s·y / y·y| (short), at most the largest"
    )
    source: ClassVar[str] = "Barzilai & Borwein, 1988, Two-Point Step Size Gradient Methods"

    learning_rate: Annotated[
        float, Knob(1e-5, 100.0, "initial step size η; later ones are computed", "log")
    ] = 0.01
    length: Annotated[
        str,
        Choice(("short", "long"), "which of the two formulas; the short step is more conservative"),
    ] = "short"
    largest: Annotated[float, Knob(1e-4, 1e8, "upper bound on the step size", "log")] = 10.0

    def scaled_by_rate(self) -> bool:
        """No: only the first step has the length η."""
        return False

    def init(self, theta: Vector) -> None:
        """Return the initial state: no step size computed yet."""
        del theta

    def step(
        self, objective: Objective, theta: Vector, memory: float | None
    ) -> tuple[Vector, float]:
        """Take a step along −g and compute the next step size."""
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
    """The quotient; infinity if the gradient did not change."""
    return one / other if other else math.inf

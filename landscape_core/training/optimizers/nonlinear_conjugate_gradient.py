"""Nonlinear conjugate gradients: Fletcher and Reeves, 1964; Polak and Ribière, 1969.

The direction is the negative gradient plus β times the previous direction. Polak and Ribière's β is
used where it is positive (Gilbert and Nocedal, 1992, Global Convergence Properties of Conjugate
Gradient Methods); Hestenes and Stiefel's, 1952, likewise. If the direction does not lead downhill,
it is reset to −g. With β by any of the three and the step to the minimum of the quadratic model,
the iterates on a quadratic are those of the linear method.

Both gradients of β are of the same mini-batch, two per step, so that β reflects curvature and not
the difference of two batches; on the full batch this changes nothing. The step of the quadratic
model takes one Hessian-vector product; where the curvature along d is not positive, it is η. A
line search then halves the step until the Armijo condition holds, with constant 10⁻⁴.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation.recipes import Choice, Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective
from landscape_core.training.optimizers._line_search import SEARCH, Line
from landscape_core.training.optimizers.base import Optimizer

Direction = tuple[Vector, float]
"""The previous direction d, and β for the next one."""


@dataclass(frozen=True, kw_only=True)
class NonlinearConjugateGradient(Optimizer[Direction]):
    """Steps along conjugate directions: the negative gradient plus a multiple of the last one."""

    label: ClassVar[str] = "Nonlinear conjugate gradient"
    family: ClassVar[str] = "second order"
    formula: ClassVar[str] = (
        "d ← −g + βd, or −g if that does not lead downhill;  α = −g·d / d·Hd or by line search;  "
        "θ ← θ + αd;  g₊ the gradient there;  "
        "β ← g₊·g₊ / g·g (FR), max(0, g₊·(g₊−g) / g·g) (PR+), max(0, g₊·(g₊−g) / d·(g₊−g)) (HS+)"
    )
    source: ClassVar[str] = (
        "Fletcher & Reeves, 1964, Function minimization by conjugate gradients; Polak & Ribière, "
        "1969, Note sur la convergence de méthodes de directions conjuguées; Hestenes & Stiefel, "
        "1952, Methods of Conjugate Gradients for Solving Linear Systems"
    )

    learning_rate: Annotated[
        float,
        Knob(1e-5, 100.0, "step size η, or the initial one of the line search", "log"),
    ] = 0.1
    beta: Annotated[
        str,
        Choice(
            ("polak_ribiere", "fletcher_reeves", "hestenes_stiefel"),
            "which formula for β, the multiple of the previous direction",
        ),
    ] = "polak_ribiere"
    search: Annotated[str, SEARCH] = "quadratic"

    def scaled_by_rate(self) -> bool:
        """Whether steps begin with η: those of the quadratic model do not."""
        return self.search != "quadratic"

    def init(self, theta: Vector) -> Direction:
        """Return the initial state: no direction, β = 0."""
        return torch.zeros_like(theta), 0.0

    def step(
        self, objective: Objective, theta: Vector, memory: Direction
    ) -> tuple[Vector, Direction]:
        """Take a step along d and compute β for the next direction."""
        before, beta = memory
        value, g = objective.value_and_gradient(theta)
        still = objective.still
        d = torch.add(-g, before, alpha=beta) if beta else -g
        if not float(g @ d) < 0:
            d = -g
        line = Line(still, theta, d, value, g @ d)
        new = theta + line.rate(self.learning_rate, self.search) * d
        return new, (d, self._beta(g, still.gradient(new), d))

    def _beta(self, g: Vector, after: Vector, d: Vector) -> float:
        """The multiple of d in the next direction; 0 where it is not defined."""
        if self.beta == "fletcher_reeves":
            return _over(float(after @ after), float(g @ g))
        change = after - g
        below = g @ g if self.beta == "polak_ribiere" else d @ change
        return max(0.0, _over(float(after @ change), float(below)))


def _over(one: float, other: float) -> float:
    return one / other if other else 0.0

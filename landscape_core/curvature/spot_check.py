"""A product of each operator compared with that of the plain evaluation on all data.

Parts of the data, a known loss in the place of the user's or another way to call the network are
guesses about the user's code. A random vector meets nearly every fault of such a guess.
"""

import math
import warnings
from typing import Any

import torch

from landscape_core.curvature.matrices.base import Matrix, PlainProduct
from landscape_core.curvature.operator import Operator
from landscape_core.foundation import random_streams
from landscape_core.foundation.types import Vector, Vectors
from landscape_core.models.data_parts import fits
from landscape_core.models.network_objective import ModelObjective

NEAR = {torch.float64: 1e-8, torch.float32: 1e-3}
"""How far, relative to its norm, a product may lie from the plain one; in other types a tenth."""

ROUNDING = 4
"""How many times the plain product's own rounding a product may lie off, where that is more."""

OTHERWISE = (
    "The curvature of this network and loss came out otherwise by a fast way of computing than by"
    " the plain one; the plain one was taken."
)


class Plain(Operator):
    """The products of the plain evaluation at a point, one after another."""

    def __init__(self, product: PlainProduct, theta: Vector) -> None:
        """A matrix at theta."""
        Operator.__init__(self, theta)
        self._product, self._theta = product, theta.detach()

    def _apply(self, vectors: Vectors) -> Vectors:
        return torch.stack([self._product(self._theta, vector) for vector in vectors])


class SpotChecks:
    """Operators of a matrix, each compared by one product; how many were, and how far off at most.

    Where one does not agree, it and all after it give way to the plain evaluation.
    """

    def __init__(self, matrix: Matrix) -> None:
        """Nothing compared so far."""
        self.matrix, self.products, self.deviation = matrix, 0, 0.0
        self.agree = True

    @property
    def attrs(self) -> dict[str, Any]:
        """What results state of it; the deviation is NaN where nothing was compared."""
        deviation = self.deviation if self.products else math.nan
        return {"checked_products": self.products, "checked_deviation": deviation}

    def operator(
        self, objective: ModelObjective, theta: Vector, *, compare: bool = True
    ) -> Operator:
        """The matrix at a point, compared if so asked and if memory suffices for all data at once.

        Raises:
            SpecError: what `Matrix.at` raises.
        """
        operator = self.matrix.at(objective, theta)
        if (self.agree and not compare) or not fits(objective):
            return operator
        plain = self.matrix.plainly(objective)
        if self.agree:
            self.agree = self._compared(operator, plain, objective, theta)
            if not self.agree:
                warnings.warn(OTHERWISE, stacklevel=2)
        return operator if self.agree else Plain(plain, theta)

    def _compared(
        self, operator: Operator, plain: PlainProduct, objective: ModelObjective, theta: Vector
    ) -> bool:
        rng = random_streams.stream(self.products, "spot check")
        drawn = torch.randn(operator.size, generator=rng).to(operator.like)
        found, expected = operator.apply(drawn[None])[0], plain(theta.detach(), drawn)
        operator.matvecs -= 1
        apart = float((found - expected).double().norm())
        self.products += 1
        if not bool(found.isfinite().all() and expected.isfinite().all()):
            return torch.equal(found.isfinite(), expected.isfinite())
        deviation = apart / (float(expected.double().norm()) or 1.0)
        self.deviation = max(self.deviation, deviation)
        return deviation <= NEAR.get(theta.dtype, 0.1) or apart <= ROUNDING * self._rounding(
            objective, theta, drawn, expected
        )

    def _rounding(
        self, objective: ModelObjective, theta: Vector, drawn: Vector, expected: Vector
    ) -> float:
        """How far the plain product is off by rounding."""
        if theta.dtype == torch.float64:
            return 0.0
        try:
            exact = self.matrix.plainly(objective.in_double())(theta.double(), drawn.double())
        except Exception:  # a network that computes in its own type alone
            return 0.0
        return float((expected.double() - exact).norm())

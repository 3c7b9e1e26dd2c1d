"""Step sizes along a direction: to the minimum of the quadratic model, and by backtracking."""

from dataclasses import dataclass

from landscape_core.foundation.recipes import Choice
from landscape_core.foundation.types import Scalar, Vector
from landscape_core.models.objective import Objective

HALVINGS = 20
"""Maximum number of halvings in one line search; then the last step is taken."""

SEARCH = Choice(
    ("fixed", "backtracking", "quadratic"),
    "fixed step size η; backtracking from η; or backtracking from the minimum of the quadratic "
    "model along d",
)


@dataclass(frozen=True, eq=False)
class Line:
    """The ray θ + αd: the loss at θ and its derivative g·d."""

    objective: Objective
    theta: Vector
    d: Vector
    value: Scalar
    slope: Scalar

    def rate(self, rate: float, search: str) -> float:
        """The step size α of one of the options of `SEARCH`, where `rate` is η."""
        if search == "fixed":
            return rate
        return self.backtracked(self.model_minimum(rate) if search == "quadratic" else rate)

    def model_minimum(self, otherwise: float) -> float:
        """The minimum −g·d / d·Hd of the quadratic model, where its curvature is positive."""
        curvature = float(self.d @ self.objective.hvp(self.theta, self.d))
        return float(-self.slope) / curvature if curvature > 0 else otherwise

    def backtracked(self, rate: float) -> float:
        """The first of α, α/2, α/4, … that satisfies the Armijo condition with constant 10⁻⁴."""
        for _ in range(HALVINGS):
            (reached,) = self.objective.losses((self.theta + rate * self.d)[None])
            if bool(reached <= self.value + 1e-4 * rate * self.slope):
                break
            rate = rate / 2
        return rate

"""The L1 penalty: Tibshirani, 1996, Regression Shrinkage and Selection via the Lasso."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from torch import Tensor

from landscape_core import ModelObjective
from landscape_core.foundation.recipes import Knob
from landscape_core.models.regularizers.base import Regularizer


@dataclass(frozen=True, kw_only=True)
class L1(Regularizer):
    """Pulls each weight towards zero at the same rate."""

    label: ClassVar[str] = "L1"
    formula: ClassVar[str] = "g + γ sign(θ), of the penalty γ‖θ‖₁"
    source: ClassVar[str] = "Tibshirani, 1996"

    strength: Annotated[float, Knob(1e-12, 10.0, "coefficient γ of the penalty", "log")] = 1e-3

    def regularized(self, objective: ModelObjective) -> ModelObjective:
        """The objective with γ sign(θ) in its gradient."""
        return objective.with_field(self._field)

    def _field(self, objective: ModelObjective, theta: Tensor, gradient: Tensor) -> Tensor:
        return gradient + self.strength * theta.detach().sign()

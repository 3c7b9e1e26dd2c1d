"""No regularizer: gradient descent on the loss alone (Cauchy, 1847)."""

from dataclasses import dataclass
from typing import ClassVar

from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.regularizers.base import Regularizer


@dataclass(frozen=True, kw_only=True)
class NoRegularizer(Regularizer):
    """No regularization of the loss."""

    label: ClassVar[str] = "none"
    formula: ClassVar[str] = "g"
    source: ClassVar[str] = "Cauchy, 1847, Méthode générale pour la résolution des systèmes"

    def regularized(self, objective: ModelObjective) -> ModelObjective:
        """Return the objective itself."""
        return objective

"""The base class of regularizers: recipes that add a penalty's gradient to that of the loss.

The loss shown, recorded and used in line searches is without the penalty; only the gradient that
optimizers follow includes it. Curvature is also that of the unregularized loss.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from landscape_core.foundation.recipes import Recipe
from landscape_core.models.network_objective import ModelObjective


@dataclass(frozen=True, kw_only=True)
class Regularizer(Recipe, ABC):
    """A penalty; `formula` is the resulting gradient in terms of g, `source` the citation."""

    formula: ClassVar[str]
    source: ClassVar[str]

    @abstractmethod
    def regularized(self, objective: ModelObjective) -> ModelObjective:
        """Return the objective with the penalty's gradient added to that of the loss."""

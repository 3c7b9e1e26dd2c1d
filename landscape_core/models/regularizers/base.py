"""What a regularizer is: a recipe that adds the gradient of a penalty to that of a network's loss.

The loss stays what it was, wherever it is shown, noted or searched along; what optimizers follow
has another term. Curvature, too, is that of the plain loss.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from landscape_core.foundation.recipes import Recipe
from landscape_core.models.network_objective import ModelObjective


@dataclass(frozen=True, kw_only=True)
class Regularizer(Recipe, ABC):
    """A penalty. `formula` says what joins the gradient g, `source` is the citation."""

    formula: ClassVar[str]
    source: ClassVar[str]

    @abstractmethod
    def regularized(self, objective: ModelObjective) -> ModelObjective:
        """The same objective, with the penalty's gradient in what optimizers follow."""

"""What a curvature matrix is: a recipe that gives a symmetric operator at a point."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from landscape_core.curvature.operator import Operator
from landscape_core.foundation.recipes import Recipe
from landscape_core.foundation.types import Vector
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.objective import Objective

PlainProduct = Callable[[Vector, Vector], Vector]
"""(theta, v) -> the matrix at theta times v, both (P,)."""


@dataclass(frozen=True, kw_only=True)
class Matrix(Recipe, ABC):
    """A symmetric matrix of second order. `formula` is its definition, `source` the citation."""

    formula: ClassVar[str]
    source: ClassVar[str]

    @abstractmethod
    def at(self, objective: Objective, theta: Vector) -> Operator:
        """The matrix at a point, in the point's dtype and on its device.

        Raises:
            SpecError: the objective is no network, where the matrix needs its outputs, or what is
                needed at once does not fit into memory.
        """

    @abstractmethod
    def plainly(self, objective: ModelObjective) -> PlainProduct:
        """The product as network and loss give it as their author wrote them, all data at once."""

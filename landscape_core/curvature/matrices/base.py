"""The base class of curvature matrices: recipes for a symmetric linear operator at a point."""

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
    """A curvature matrix; `formula` is its definition, `source` the citation."""

    formula: ClassVar[str]
    source: ClassVar[str]

    @abstractmethod
    def at(self, objective: Objective, theta: Vector) -> Operator:
        """Return the linear operator at a point, in the point's dtype and on its device.

        Raises:
            SpecError: the matrix needs a network's outputs and the objective is not a network, or
        the memory does not suffice.
        """

    @abstractmethod
    def plainly(self, objective: ModelObjective) -> PlainProduct:
        """Return the reference product: plain autograd through network and loss, on all data."""

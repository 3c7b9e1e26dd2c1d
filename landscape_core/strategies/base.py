"""What a strategy is: one way to read measures at many points of a plane; all give the same."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from landscape_core.measures.base import Measure
from landscape_core.objective import ModelObjective
from landscape_core.planes import Plane
from landscape_core.recipes import Recipe

Reader = Callable[[Tensor], Tensor]
"""Coordinates (K, D) -> the value of each of M measures at each point, (M, K), detached."""


@dataclass(frozen=True, kw_only=True)
class Strategy(Recipe, ABC):
    """A way to evaluate. It may use the structure of network and plane, never approximate."""

    @abstractmethod
    def applies(self, objective: ModelObjective, plane: Plane) -> bool:
        """Whether this way can evaluate that network."""

    @abstractmethod
    def reader(
        self, objective: ModelObjective, plane: Plane, measures: Sequence[Measure]
    ) -> Reader:
        """The reader of these measures; what is common to all points is computed here, once."""

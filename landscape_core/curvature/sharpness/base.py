"""What a definition of sharpness is: a recipe that reads one number around a point.

Multiplying the weights into a ReLU unit by a number and dividing those out of it by the same leaves
the network's function as it is, but not every sharpness (Dinh et al., 2017, arXiv:1703.04933). Each
definition says whether it stays.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from landscape_core.foundation.recipes import Recipe
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective


@dataclass(frozen=True)
class Reading:
    """A number, its standard error (0 where nothing is drawn), and the evaluations it took."""

    value: float
    standard_error: float
    evaluations: int


@dataclass(frozen=True, kw_only=True)
class Sharpness(Recipe, ABC):
    """A definition of sharpness. `formula` as people write it, `source` the citation."""

    formula: ClassVar[str]
    source: ClassVar[str]
    unit: ClassVar[str] = "loss"

    invariant: ClassVar[bool]
    """Whether it stays when weights are rescaled unit by unit and the function does not change."""

    @abstractmethod
    def read(self, objective: Objective, theta: Vector, seed: int = 0) -> Reading:
        """The sharpness around theta; NaN or infinity where the loss is not finite."""

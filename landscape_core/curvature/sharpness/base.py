"""The base class of sharpness measures: one number for the neighbourhood of a point.

Multiplying the incoming weights of a ReLU unit by a constant and dividing its outgoing weights by
it does not change the function, but may change the sharpness (Dinh et al., 2017, arXiv:1703.04933).
Each measure states whether it is invariant.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from landscape_core.foundation.recipes import Recipe
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective


@dataclass(frozen=True)
class Reading:
    """A value, its standard error (0 if deterministic), and the number of evaluations."""

    value: float
    standard_error: float
    evaluations: int


@dataclass(frozen=True, kw_only=True)
class Sharpness(Recipe, ABC):
    """A sharpness measure; `formula` is its definition, `source` the citation."""

    formula: ClassVar[str]
    source: ClassVar[str]
    unit: ClassVar[str] = "loss"

    invariant: ClassVar[bool]
    """Whether it is invariant to unit-wise rescaling of weights that preserves the function."""

    @abstractmethod
    def read(self, objective: Objective, theta: Vector, seed: int = 0) -> Reading:
        """Compute the sharpness at theta; NaN or infinity if the loss is not finite."""

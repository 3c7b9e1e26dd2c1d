"""What a rule for directions is: a recipe that spans a line or plane from where the run stands."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from landscape_core.objective import Objective
from landscape_core.planes import Plane
from landscape_core.recipes import Recipe
from landscape_core.types import Vector, Vectors


@dataclass(frozen=True, eq=False)
class Viewpoint:
    """What a rule may look at: the objective, the centre (P,), the path so far (T, P), a seed."""

    objective: Objective
    centre: Vector
    path: Vectors
    seed: int


@dataclass(frozen=True, kw_only=True)
class Directions(Recipe, ABC):
    """A rule that chooses the line or plane. `needs_path`: whether it looks at the trajectory."""

    needs_path: ClassVar[bool] = False

    @abstractmethod
    def span(self, view: Viewpoint, dimensions: int = 2) -> Plane:
        """The line (1) or plane (2) through the centre.

        Raises:
            PlaneError: the viewpoint does not determine it, for instance too short a path.
        """

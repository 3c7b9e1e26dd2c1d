"""The plane of two single parameters."""

from dataclasses import dataclass
from typing import Annotated

import torch

from landscape_core import Directions, Plane, SpecError, Viewpoint
from landscape_core.foundation.recipes import Knob


@dataclass(frozen=True, kw_only=True)
class Coordinates(Directions):
    """The plane that moves two single parameters, chosen by their numbers."""

    first: Annotated[int, Knob(0, 100_000_000, "number of the first parameter")] = 0
    second: Annotated[int, Knob(0, 100_000_000, "number of the second parameter")] = 1

    def axes(self, view: Viewpoint, dimensions: int) -> Plane:
        """Unit vectors along the parameters; of a line, along the first."""
        chosen = (self.first, self.second)[:dimensions]
        axes = torch.zeros(dimensions, len(view.centre)).to(view.centre)
        for row, number in enumerate(chosen):
            if number >= len(view.centre):
                raise SpecError("Coordinates", number, f"below {len(view.centre)}")
            axes[row, number] = 1.0
        return Plane(view.centre, axes, tuple(f"parameter {number}" for number in chosen))

    def check(self) -> None:
        """Two different parameters."""
        if self.first == self.second:
            raise SpecError("Coordinates.second", self.second, "another parameter than the first")

"""Which points of a line or plane a slice has: a rectangular grid."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import (
    Knob,
    Recipe,
)
from landscape_core.slices.interpolation import Floats, Lines

Mask = npt.NDArray[np.bool_]


Index = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Grid(Recipe):
    """Which points of a line or plane: a rectangle, in multiples of the axes."""

    resolution: Annotated[int, Knob(2, 1001, "grid points per axis")] = 51
    beta_resolution: Annotated[
        int, Knob(0, 1001, "grid points along the second axis; 0: as many as along the first")
    ] = 0
    alpha_low: Annotated[float, Knob(-1e39, 1e39, "lowest alpha")] = -1.0
    alpha_high: Annotated[float, Knob(-1e39, 1e39, "highest alpha")] = 1.0
    beta_low: Annotated[float, Knob(-1e39, 1e39, "lowest beta")] = -1.0
    beta_high: Annotated[float, Knob(-1e39, 1e39, "highest beta")] = 1.0

    @classmethod
    def square(cls, span: float = 1.0, resolution: int = 51) -> "Grid":
        """The grid from -span to span along each axis."""
        if not (isinstance(span, int | float | np.number) and span > 0):
            raise SpecError("span", span, "larger than 0")
        low = -span
        return cls(
            resolution=resolution, alpha_low=low, alpha_high=span, beta_low=low, beta_high=span
        )

    @classmethod
    def between(
        cls, low: Floats, high: Floats, resolution: int = 51, beta_resolution: int = 0
    ) -> "Grid":
        """The grid from the lower to the upper end of each axis, (D,) each; of a line, D is 1."""
        return cls(
            resolution=resolution,
            beta_resolution=beta_resolution,
            alpha_low=float(low[0]),
            alpha_high=float(high[0]),
            beta_low=float(low[-1]),
            beta_high=float(high[-1]),
        )

    def check(self) -> None:
        if self.beta_resolution == 1:
            raise SpecError("Grid.beta_resolution", 1, "0, or at least 2")
        for side in ("alpha", "beta"):
            low, high = getattr(self, f"{side}_low"), getattr(self, f"{side}_high")
            if low >= high:
                raise SpecError(f"Grid.{side}_high", high, f"larger than {side}_low, {low:g}")

    def alpha(self) -> Floats:
        """The coordinates along the first axis, (resolution,)."""
        return np.linspace(self.alpha_low, self.alpha_high, self.resolution)

    def beta(self) -> Floats:
        """The coordinates along the second axis, (resolution,)."""
        return np.linspace(self.beta_low, self.beta_high, self.shape(2)[0])

    def shape(self, dimensions: int) -> tuple[int, ...]:
        """How many points there are along beta and alpha, or along the line."""
        return (self.beta_resolution or self.resolution, self.resolution)[-dimensions:]


def mesh(lines: Lines, dimensions: int) -> Index:
    """The indices (K, D) of all crossings of grid lines, the same along each side."""
    return crossings([lines] * dimensions)


def crossings(lines: Sequence[Lines]) -> Index:
    """The indices (K, D) of all crossings of the grid lines along each side."""
    sides = np.meshgrid(*lines, indexing="ij")
    return np.stack([side.ravel() for side in sides], axis=1)

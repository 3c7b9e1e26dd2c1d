"""How good a picture can be in the time there is, learnt from the pictures before."""

from dataclasses import dataclass

import xarray as xr

from landscape_core.planes.plane import Plane
from landscape_core.slices.grid import Grid
from landscape_core.training.recorder import Entry

PREVIEWS = (64, 256)
"""Examples of a preview, where all of them would take too long for a moving picture."""


class FrameBudget:
    """A ladder of pictures, from the cheapest to the best, and the seconds that each one takes."""

    def __init__(self, examples: int, levels: int) -> None:
        """Nothing known yet of pictures with so many examples, on grids of so many levels."""
        fewer = [n for n in PREVIEWS if n < examples]
        self._rungs = [(n, 0) for n in fewer] + [(examples, level) for level in range(levels)]
        self._seconds: dict[int, float] = {}

    def rung(self, budget: float) -> int:
        """The best one known to take no longer; the next one is tried where it might."""
        known = self._seconds
        best = max((rung for rung, seconds in known.items() if seconds <= budget), default=0)
        following = best + 1
        untried = best in known and following < len(self._rungs) and following not in known
        # Four times the work costs less than four times as much: part of it is fixed.
        return following if untried and 3.0 * known[best] <= budget else best

    def __getitem__(self, rung: int) -> tuple[int, int]:
        """Examples, and level of the grid."""
        return self._rungs[rung]

    def took(self, rung: int, seconds: float) -> None:
        """Learn from a picture that was made; the last ones count most."""
        self._seconds[rung] = 0.7 * self._seconds.get(rung, seconds) + 0.3 * seconds


@dataclass(eq=False)
class CoarseSlice:
    """The latest slice of a moving picture, which stays until there is time for a finer one.

    `pictures` counts those on the same plane and grid before.
    """

    plane: Plane | None
    grid: Grid
    entry: Entry
    rung: int
    dataset: xr.Dataset
    pictures: int

    def again(self, plane: Plane | None, grid: Grid, entry: Entry) -> int:
        """How many pictures there were of this plane and grid, or of its iterate; 0: another one.

        Iterates on one plane share it, unless their running statistics differ.
        """
        same = entry is self.entry or not entry.state.buffers
        if plane is not self.plane or grid != self.grid or not same:
            return 0
        self.pictures += 1
        return self.pictures

"""Refinement of a lattice: cells that splines do not resolve are split, down to single points.

In the middle of each cell one more point is computed, and on the border one on the edge, where a
spline is worst: what the spline missed there, the residual, says how well the cell is resolved.
"""

from collections.abc import Generator, Iterator

import numpy as np
import xarray as xr

from landscape_core.slices.cells import border, corners, corrected, greatest_near, middles
from landscape_core.slices.grid import Index, Mask, mesh
from landscape_core.slices.interpolation import FIRST, Floats, Lines, filled, lines_of
from landscape_core.slices.refinement import SAFETY, Refinement, mask_of

AGAIN = 0.3
"""The same share for a part of a cell that was split: where it is rough, one point says less."""

LENIENT = 0.44
"""What a residual is divided by for the error of a cell that was resolved at once.

Its middle corrects the spline. Elsewhere it is divided by `SAFETY`, or `AGAIN`.
"""

NEIGHBOUR = 0.8
"""How much of a neighbour's residual counts for a cell: bends rarely end at a cell's border."""

EDGE = 0.1
"""The fraction of the tolerance from which a residual at the border has the edge looked at as well.

On the border a spline sees values on one side only. There it was off up to eight times what it
missed in the middle of the cell.
"""


class Lattice:
    """The lines of a refinement at each level; cells lie between neighbouring ones."""

    def __init__(self, state: Refinement) -> None:
        """Begin with the coarsest lines."""
        self._state = state
        self._levels = lattice(state.size)
        self._lines = self._levels[0]

    @property
    def width(self) -> int:
        """The points from line to line at the first level, at most."""
        return int(np.diff(self._levels[0]).max())

    def split(self) -> Iterator[xr.Dataset]:
        """Go through the levels until all cells are resolved."""
        yield from self._state.fill(
            mask_of(
                mesh(self._lines, self._state.dimensions), self._state.grid_values.computed.shape
            )
        )
        self._interpolate(self._state.displayed(self._state.grid_values.values))
        active = np.ones((len(self._lines) - 1,) * self._state.dimensions, dtype=bool)
        for finer in self._levels[1:]:
            if not active.any():
                break
            if self._state.is_due():
                yield self._state.dataset()
            active = yield from self._level(active, finer)

    def _level(self, active: Mask, finer: Lines) -> Generator[xr.Dataset, None, Mask]:
        """Look at the active cells and split the unresolved; the active ones of the next level."""
        lines = self._lines
        active = self._afforded(active, middles(np.argwhere(active), lines)[None])
        near = yield from self._residuals(active)
        share, stated = (SAFETY, LENIENT) if lines is self._levels[0] else (AGAIN, AGAIN)
        unresolved = active & (near > share * self._state.tolerance.relative_tolerance)
        self._note(active, near / np.where(unresolved, SAFETY, stated))
        truth = self._state.displayed(self._state.grid_values.values)
        guessed = corrected(self._state.guess, truth, lines, active)
        split = corners(np.argwhere(unresolved), lines)
        unresolved = self._afforded(unresolved, split)
        split = corners(np.argwhere(unresolved), lines)
        yield from self._state.fill(
            mask_of(split.reshape(-1, self._state.dimensions), self._state.error.shape)
        )
        self._lines = finer
        truth = self._state.displayed(self._state.grid_values.values)
        self._interpolate(np.where(self._state.grid_values.computed, truth, guessed))
        parent = np.searchsorted(lines, finer[:-1], side="right") - 1
        return unresolved[np.ix_(*[parent] * self._state.dimensions)]

    def _residuals(self, active: Mask) -> Generator[xr.Dataset, None, Floats]:
        """What the guess missed in active cells or next to them, (n,) or (n, n).

        Where that leaves the border in doubt, its edges are looked at as well.
        """
        cells, found = np.argwhere(active), np.zeros(active.shape)
        tests = middles(cells, self._lines)
        yield from self._state.fill(mask_of(tests, self._state.error.shape))
        found[tuple(cells.T)] = self._state.missed()[tuple(tests.T)]
        near = np.maximum(found, NEIGHBOUR * greatest_near(found))
        doubtful = active & (near > EDGE * self._state.tolerance.relative_tolerance)
        cells, tests = border(np.argwhere(doubtful), self._lines)
        if not 0 < len(tests) <= self._state.left:
            return near
        yield from self._state.fill(mask_of(tests, self._state.error.shape))
        np.maximum.at(found, tuple(cells.T), self._state.missed()[tuple(tests.T)])
        return np.maximum(found, NEIGHBOUR * greatest_near(found))

    def _afforded(self, cells: Mask, points: Index) -> Mask:
        """Those of the cells whose points (P, K, D) may be computed, the least sure first."""
        first = np.full(self._state.error.shape, points.shape[1])
        errors = self._state.error[tuple(points.T)].max(axis=1)
        rank = np.argsort(np.argsort(-errors, kind="stable"))
        np.minimum.at(first, tuple(points.T), rank[:, None])
        needed = np.sort(first[~self._state.asked & (first < points.shape[1])])
        if len(needed) <= self._state.left:
            return cells
        kept = cells.copy()
        kept[cells] = rank < needed[self._state.left]
        return kept

    def _interpolate(self, shown: Floats) -> None:
        """Guess all points from displayed values on the present lines."""
        where = np.ix_(*[self._lines] * self._state.dimensions)
        rows = shown.reshape(-1, *shown.shape[2:])
        found = np.stack([filled(row[where], self._lines, self._state.size) for row in rows])
        self._state.guess = found.reshape(shown.shape)

    def _note(self, cells: Mask, errors: Floats) -> None:
        """Note the errors (n,) or (n, n) of cells for all points in these."""
        cell = np.searchsorted(self._lines, np.arange(self._state.size), side="right") - 1
        where = np.ix_(*[np.minimum(cell, len(self._lines) - 2)] * self._state.dimensions)
        self._state.error = np.where(cells[where], errors[where], self._state.error)


def lattice(size: int) -> list[Lines]:
    """The lines along a side at each level; at the first about every fifth, and at most `FIRST`."""
    return lines_of(size, min(FIRST, max(9, round((size - 1) / 5) + 1)))

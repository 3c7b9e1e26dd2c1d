"""A slice to a stated tolerance: points are computed where the picture is not yet resolved.

On a small plane, points are computed where a spline through those before may be off
(`scattered_spline`). On a large plane or a line, or where a value is not finite, a coarse lattice
is computed and interpolated by cubic splines. In the middle of each of its cells one more point is
computed, and on the border one on the edge, where a spline is worst: what the spline missed there,
the residual, says how well the cell is resolved. A cell that is not, or whose neighbour is not, is
split into four, which are looked at in the same way, down to single points. At the end points drawn
at random are computed as a check; where one fails, all around it is computed, and others are drawn.

Where six tenths of all points are not enough, the least sure of them are computed and a larger
error is stated.

The estimated error is two to three times the largest residual among cells that were left, or the
spline's estimate. It is an estimate: what lies between all points that were computed, for instance
a spike in one cell, no sampling can see.
docs/slices.md says how often it holds, on smooth and on chaotic landscapes.
"""

import time
import warnings
from collections.abc import Generator, Iterator, Mapping
from typing import Any

import numpy as np
import xarray as xr

from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.recipes import canonical, to_plain
from landscape_core.slices.cells import (
    border,
    corners,
    corrected,
    greatest_near,
    grown,
    middles,
)
from landscape_core.slices.grid import Grid, Index, Mask, mesh
from landscape_core.slices.grid_values import NEWS, GridValues, Spread
from landscape_core.slices.interpolation import FIRST, Floats, Lines, filled, lines_of
from landscape_core.slices.probe import Probe
from landscape_core.slices.scattered_spline import BORDER, Scattered, first_nodes
from landscape_core.slices.tolerance import MOST, Tolerance

SAFETY = 0.4
"""A cell whose residual is at most this share of the tolerance is resolved."""

AGAIN = 0.3
"""That share for a part of a cell that was split: where it is rough, one point says less."""

LENIENT = 0.44
"""What a residual is divided by for the error of a cell that was resolved at once.

Its middle corrects the spline. Elsewhere it is divided by `SAFETY`, or `AGAIN`.
"""

NEIGHBOUR = 0.8
"""How much of a neighbour's residual counts for a cell: bends rarely end at a cell's border."""

EDGE = 0.1
"""The share of the tolerance from which a residual at the border has the edge looked at as well.

On the border a spline sees values on one side only. There it was off up to eight times what it
missed in the middle of the cell.
"""

FEWEST = 13
"""Sides with fewer points are computed exactly."""

SMALL = 32
"""Planes with at most so many points a side are interpolated from scattered points."""

BATCH = 12
"""How many scattered points are chosen at a time, as long as there are few."""

UNRESOLVED = 1.1
"""How many times larger an error is stated where no more points may be computed."""

FEW = 256
"""So many points are computed in any case, where they are needed."""

CHECKS = 0.02
"""The share of all points that are computed as a check."""

ROUNDS = 4
"""How many times checks may fail before a larger error is stated."""


@public_call
def refine(
    read: Probe,
    grid: Grid,
    tolerance: Tolerance,
    attrs: Mapping[str, Any] | None = None,
    *,
    start: xr.Dataset | None = None,
    spread: Spread | None = None,
) -> Iterator[xr.Dataset]:
    """The slice from coarse to resolved; every dataset is complete, the last within the tolerance.

    Where that would need more than six tenths of the points, a larger error is stated instead,
    unless they are few or a value is not finite.

    The variable `error` (`interpolation_error`, where a measure has that name) holds the estimated
    error at each point, 0 where computed; the attribute
    `estimated_error` the largest, `checked_error` the largest seen at `checks` random points; all
    as a share of the range of the loss, or of its logarithm, whichever the tolerance is of; the
    larger share where there are two splits. `tolerance_reached` is 1 if `estimated_error` is within
    the tolerance, else 0. Other measures are interpolated at the same points.

    Args:
        read: what is read at each point.
        grid: at which points.
        tolerance: where to end.
        attrs: attributes of the datasets.
        start: an unfinished slice of the same, whose computed points are used.
        spread: `map` of a backend that computes elsewhere.
    """
    sheet = GridValues.blank(read, grid).resumed(start)
    state = _Refined(sheet, tolerance, dict(attrs or {}), spread)
    if grid.resolution < FEWEST:
        yield from state.fill(np.ones_like(sheet.computed))
    else:
        small = grid.resolution <= SMALL and read.plane.dimensions == 2
        finite = small and (yield from state.scatter())
        if not finite:
            yield from state.split()
        yield from state.check()
    yield state.dataset()


class _Refined:
    """Grid values under refinement: the lattice, the cells not yet examined, the residuals."""

    def __init__(
        self,
        sheet: GridValues,
        tolerance: Tolerance,
        attrs: dict[str, Any],
        spread: Spread | None,
    ) -> None:
        self.sheet, self.tolerance, self.spread = sheet, tolerance, spread
        self.attrs = {**attrs, "tolerance": canonical(to_plain(tolerance))}
        self.dimensions, self.size = sheet.computed.ndim, sheet.grid.resolution
        self.levels = lattice(self.size)
        self.lines = self.levels[0]
        self.guess = sheet.values  # of all points, on the displayed scale
        self.error = np.zeros(sheet.computed.shape)
        self.asked = np.zeros(sheet.computed.shape, dtype=bool)
        self.most = max(FEW, int(MOST * sheet.computed.size))
        self.checks, self.worst = 0, 0.0
        self.began = time.perf_counter()

    def fill(self, wanted: Mask) -> Iterator[xr.Dataset]:
        """Compute wanted points; yield a dataset after each batch of them."""
        self.asked |= wanted
        missing = np.argwhere(wanted & ~self.sheet.computed)
        for _ in self.sheet.work(missing, self.spread):
            yield self.dataset()
        losses = self._displayed(self.sheet.values[:, :1])[:, 0, wanted]
        if not np.isfinite(losses).all():  # no error can be stated for these
            self.most = self.asked.size

    @property
    def left(self) -> int:
        """How many more points may be computed; those that were known at the start count, too."""
        return max(0, self.most - int(self.asked.sum()))

    def scatter(self) -> Generator[xr.Dataset, None, bool]:
        """Compute points where a spline through those before is unsure; whether all are finite."""
        nodes, shape = first_nodes(self.size), self.error.shape
        least = SAFETY * self.tolerance.relative_tolerance
        while True:
            yield from self.fill(_on(nodes, shape))
            known = self._displayed(self.sheet.values)[:, :, nodes[:, 0], nodes[:, 1]]
            if not np.isfinite(known).all():
                return False
            spline = Scattered.through(nodes, self.size)
            self.guess = spline.values(known).reshape(self.guess.shape)
            ranges = np.ptp(known[:, 0], axis=1)
            errors = spline.errors(known[:, 0] / np.where(ranges > 0, ranges, 1.0)[:, None])
            largest = errors.max(axis=0)
            # Of many that stay unsure the largest is seldom reached, on the border, too.
            likely = UNRESOLVED * largest / np.minimum(spline.beside, BORDER[0])
            stated = np.where(largest > least, likely, largest) / SAFETY
            self.error = np.minimum(stated, 1.0).reshape(shape)  # the whole range: nothing is known
            further = spline.further(largest, least, min(self.left, max(BATCH, len(nodes) // 6)))
            if not len(further):
                return True
            if time.perf_counter() - self.began > NEWS:
                yield self.dataset()
            nodes = np.concatenate([nodes, np.stack(np.divmod(further, self.size), axis=1)])

    def split(self) -> Iterator[xr.Dataset]:
        """Go through the levels until all cells are resolved."""
        yield from self.fill(_on(mesh(self.lines, self.dimensions), self.sheet.computed.shape))
        self._interpolate(self._displayed(self.sheet.values))
        active = np.ones((len(self.lines) - 1,) * self.dimensions, dtype=bool)
        for finer in self.levels[1:]:
            if not active.any():
                break
            if time.perf_counter() - self.began > NEWS:
                yield self.dataset()
            active = yield from self._level(active, finer)

    def check(self) -> Iterator[xr.Dataset]:
        """Compute points at random; where one is wrong, what is around it as well, and go on.

        What was once missed may be missed elsewhere, too: so large an error is stated.
        """
        rng, missed_most = np.random.default_rng(0), 0.0
        number = max(4, round(CHECKS * self.error.size))
        for _ in range(ROUNDS):
            left = np.argwhere(~self.sheet.computed)
            if not len(left):
                return
            drawn = left[rng.permutation(len(left))[:number]]
            at = tuple(drawn.T)
            yield from self.fill(_on(drawn, self.error.shape))
            missed = self._missed()[at]
            self.checks, self.worst = len(drawn), float(missed.max())
            wrong = drawn[missed > np.maximum(self.tolerance.relative_tolerance, self.error[at])]
            if not len(wrong):
                self.error = np.maximum(self.error, missed_most)
                return
            missed_most = max(missed_most, self.worst)
            reach = int(np.diff(self.levels[0]).max())
            around = grown(_on(wrong, self.error.shape), reach)
            if (around & ~self.asked).sum() + number > self.left:
                break
            yield from self.fill(around)
        self.error = np.maximum(self.error, missed_most / SAFETY)

    def dataset(self) -> xr.Dataset:
        """What is known, with the estimates."""
        computed = self.sheet.computed
        error = np.where(computed, 0.0, self.error)
        largest = float(error.max())
        found = {
            "estimated_error": largest,
            "tolerance_reached": int(self.tolerance.allows(largest)),
            "checked_error": self.worst,
            "checks": self.checks,
        }
        values = np.where(computed, self.sheet.values, self._undisplayed(self.guess))
        words = {"long_name": "estimated error", "units": self.tolerance.unit}
        name = "error" if "error" not in self.sheet.read.rows else "interpolation_error"
        further = {name: (self.sheet.names, error, words)}
        return self.sheet.dataset(values, {**self.attrs, **found}, further)

    def _level(self, active: Mask, finer: Lines) -> Generator[xr.Dataset, None, Mask]:
        """Look at the active cells and split the unresolved; the active ones of the next level."""
        lines = self.lines
        active = self._afforded(active, middles(np.argwhere(active), lines)[None])
        near = yield from self._residuals(active)
        share, stated = (SAFETY, LENIENT) if lines is self.levels[0] else (AGAIN, AGAIN)
        unresolved = active & (near > share * self.tolerance.relative_tolerance)
        self._note(active, near / np.where(unresolved, SAFETY, stated))
        truth = self._displayed(self.sheet.values)
        guessed = corrected(self.guess, truth, lines, active)
        split = corners(np.argwhere(unresolved), lines)
        unresolved = self._afforded(unresolved, split)
        split = corners(np.argwhere(unresolved), lines)
        yield from self.fill(_on(split.reshape(-1, self.dimensions), self.error.shape))
        self.lines = finer
        truth = self._displayed(self.sheet.values)
        self._interpolate(np.where(self.sheet.computed, truth, guessed))
        parent = np.searchsorted(lines, finer[:-1], side="right") - 1
        return unresolved[np.ix_(*[parent] * self.dimensions)]

    def _residuals(self, active: Mask) -> Generator[xr.Dataset, None, Floats]:
        """What the guess missed in active cells or next to them, (n,) or (n, n).

        Where that leaves the border in doubt, its edges are looked at as well.
        """
        cells, found = np.argwhere(active), np.zeros(active.shape)
        tests = middles(cells, self.lines)
        yield from self.fill(_on(tests, self.error.shape))
        found[tuple(cells.T)] = self._missed()[tuple(tests.T)]
        near = np.maximum(found, NEIGHBOUR * greatest_near(found))
        doubtful = active & (near > EDGE * self.tolerance.relative_tolerance)
        cells, tests = border(np.argwhere(doubtful), self.lines)
        if not 0 < len(tests) <= self.left:
            return near
        yield from self.fill(_on(tests, self.error.shape))
        np.maximum.at(found, tuple(cells.T), self._missed()[tuple(tests.T)])
        return np.maximum(found, NEIGHBOUR * greatest_near(found))

    def _afforded(self, cells: Mask, points: Index) -> Mask:
        """Those of the cells whose points (P, K, D) may be computed, the least sure first."""
        first = np.full(self.error.shape, points.shape[1])
        errors = self.error[tuple(points.T)].max(axis=1)
        rank = np.argsort(np.argsort(-errors, kind="stable"))
        np.minimum.at(first, tuple(points.T), rank[:, None])
        needed = np.sort(first[~self.asked & (first < points.shape[1])])
        if len(needed) <= self.left:
            return cells
        kept = cells.copy()
        kept[cells] = rank < needed[self.left]
        return kept

    def _interpolate(self, shown: Floats) -> None:
        """Guess all points from displayed values on the present lines."""
        where = np.ix_(*[self.lines] * self.dimensions)
        rows = shown.reshape(-1, *shown.shape[2:])
        found = np.stack([filled(row[where], self.lines, self.size) for row in rows])
        self.guess = found.reshape(shown.shape)

    def _missed(self) -> Floats:
        """How far computed losses lie from the guess: the largest share of a range, (...)."""
        truth, guess = self._displayed(self.sheet.values)[:, 0], self.guess[:, 0]
        known = truth[:, self.sheet.computed]
        finite = np.where(np.isfinite(known), known, np.nan)
        with np.errstate(invalid="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a split may have no finite value
            ranges = np.nanmax(finite, axis=1) - np.nanmin(finite, axis=1)
            ranges = np.where(ranges > 0, ranges, 1.0).reshape(-1, *[1] * self.dimensions)
            apart = np.abs(truth - guess) / ranges
        # What is negative cannot be shown on a logarithmic scale: it is computed, not guessed.
        nowhere = np.isnan(self.sheet.values[:, 0])
        same = (truth == guess) | (nowhere & np.isnan(guess))
        return np.where(same, 0.0, np.where(np.isfinite(apart), apart, np.inf)).max(axis=0)

    def _note(self, cells: Mask, errors: Floats) -> None:
        """Note the errors (n,) or (n, n) of cells for all points in these."""
        cell = np.searchsorted(self.lines, np.arange(self.size), side="right") - 1
        where = np.ix_(*[np.minimum(cell, len(self.lines) - 2)] * self.dimensions)
        self.error = np.where(cells[where], errors[where], self.error)

    def _displayed(self, values: Floats) -> Floats:
        """Values (S, R, ...) with the loss, their first row, on the displayed scale."""
        if self.tolerance.scale == "linear":
            return values
        shown = values.copy()
        with np.errstate(divide="ignore", invalid="ignore"):
            shown[:, 0] = np.log10(values[:, 0])
        return shown

    def _undisplayed(self, shown: Floats) -> Floats:
        values = shown.copy()
        if self.tolerance.scale == "log":
            with np.errstate(over="ignore"):
                values[:, 0] = 10.0 ** shown[:, 0]
        for loss, known in zip(values[:, 0], self.sheet.values[:, 0], strict=True):
            least = np.nanmin(known, initial=np.inf)
            if least > 0:  # a spline may swing below what is lost in a valley's width
                loss[loss <= 0] = least
        return values


def lattice(size: int) -> list[Lines]:
    """The lines along a side at each level; at the first about every fifth, and at most `FIRST`."""
    return lines_of(size, min(FIRST, max(9, round((size - 1) / 5) + 1)))


def _on(index: Index, shape: tuple[int, ...]) -> Mask:
    """The mask of points at indices (K, D)."""
    mask = np.zeros(shape, dtype=bool)
    mask[tuple(index.T)] = True
    return mask

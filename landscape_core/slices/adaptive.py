"""A slice to a stated tolerance: points are computed where the picture is not yet resolved.

On a small plane, points are computed where a spline through those before may be off
(`scattered_spline`). On a large plane or a line, or where that does not become sure, a coarse
lattice is computed and interpolated by cubic splines. In the middle of each of its cells one more
point is computed: what the spline missed there, the residual, says how well the cell is resolved.
A cell that is not, or whose neighbour is not, is split into four, which are looked at in the same
way, down to single points. At the end points drawn at random are computed as a check; where one
fails, all around it is computed, and others are drawn.

The estimated error is 2.5 times the largest residual among cells that were left, or the spline's
estimate. It is an estimate: what lies between all points that were computed, for instance a spike
in one cell, no sampling can see.
docs/slices.md says how often it holds, on smooth and on chaotic landscapes.
"""

import time
import warnings
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import xarray as xr

from landscape_core.foundation.recipes import Choice, Knob, Recipe, canonical, to_plain
from landscape_core.slices.cells import corners, corrected, greatest_near, grown
from landscape_core.slices.grid import Grid, Index, Mask, mesh
from landscape_core.slices.grid_values import NEWS, GridValues, Spread
from landscape_core.slices.interpolation import FIRST, Floats, Lines, filled, lines_of
from landscape_core.slices.probe import Probe
from landscape_core.slices.scattered_spline import Scattered, first_nodes

SAFETY = 0.4
"""A cell whose residual is at most this share of the tolerance is resolved."""

NEIGHBOUR = 0.8
"""How much of a neighbour's residual counts for a cell: bends rarely end at a cell's border."""

FEWEST = 13
"""Sides with fewer points are computed exactly."""

SMALL = 32
"""Planes with at most so many points a side are interpolated from scattered points."""

BATCH = 12
"""How many scattered points are chosen at a time, as long as there are few."""

MOST = 0.5
"""The share of all points beyond which scattered ones are too many."""

CHECKS = 0.02
"""The share of all points that are computed as a check."""

ROUNDS = 4
"""How many times checks may fail before what is left is computed, too."""


@dataclass(frozen=True, kw_only=True)
class Tolerance(Recipe):
    """How far an interpolated loss may lie from the true one."""

    relative_tolerance: Annotated[
        float, Knob(1e-6, 1.0, "largest error, as a share of the displayed range", scale="log")
    ] = 0.01
    scale: Annotated[
        str, Choice(("linear", "log"), "the scale on which the picture is displayed")
    ] = "linear"


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

    The variable `error` holds the estimated error at each point, 0 where computed; the attribute
    `estimated_error` the largest, `checked_error` the largest seen at `checks` random points; all
    as a share of the displayed range of the loss, the larger one where there are two splits. Other
    measures are interpolated at the same points.

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
        resolved = small and (yield from state.scatter())
        if not resolved:
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
        self.checks, self.worst = 0, 0.0
        self.began = time.perf_counter()

    def fill(self, wanted: Mask) -> Iterator[xr.Dataset]:
        """Compute wanted points; yield a dataset after each batch of them."""
        missing = np.argwhere(wanted & ~self.sheet.computed)
        for _ in self.sheet.work(missing, self.spread):
            yield self.dataset()

    def scatter(self) -> Generator[xr.Dataset, None, bool]:
        """Compute points where a spline through those before is unsure; whether it became sure."""
        nodes, shape = first_nodes(self.size), self.error.shape
        least = SAFETY * self.tolerance.relative_tolerance
        while len(nodes) <= MOST * self.error.size:
            yield from self.fill(_on(nodes, shape))
            known = self._displayed(self.sheet.values)[:, :, nodes[:, 0], nodes[:, 1]]
            if not np.isfinite(known).all():
                return False
            spline = Scattered.through(nodes, self.size)
            self.guess = spline.values(known).reshape(self.guess.shape)
            ranges = np.ptp(known[:, 0], axis=1)
            errors = spline.errors(known[:, 0] / np.where(ranges > 0, ranges, 1.0)[:, None])
            largest = errors.max(axis=0)
            self.error = largest.reshape(shape) / SAFETY
            if largest.max() <= least:
                return True
            if time.perf_counter() - self.began > NEWS:
                yield self.dataset()
            number = max(BATCH, len(nodes) // 6)
            further = spline.further(largest, least, number)
            nodes = np.concatenate([nodes, np.stack(np.divmod(further, self.size), axis=1)])
        return False

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
        """Compute points at random; where one is wrong, what is around it as well, and go on."""
        rng = np.random.default_rng(0)
        number = max(4, round(CHECKS * self.error.size))
        for _ in range(ROUNDS):
            left = np.argwhere(~self.sheet.computed)
            if not len(left):
                return
            drawn = left[rng.permutation(len(left))[:number]]
            yield from self.fill(_on(drawn, self.error.shape))
            missed = self._missed()[tuple(drawn.T)]
            self.checks, self.worst = len(drawn), float(missed.max())
            wrong = drawn[missed > self.tolerance.relative_tolerance]
            if not len(wrong):
                return
            around = _on(wrong, self.error.shape)
            reach = int(np.diff(self.levels[0]).max())
            yield from self.fill(grown(around, reach))
        yield from self.fill(np.ones_like(self.sheet.computed))

    def dataset(self) -> xr.Dataset:
        """What is known, with the estimates."""
        computed = self.sheet.computed
        error = np.where(computed, 0.0, self.error)
        found = {
            "estimated_error": float(error.max()),
            "checked_error": self.worst,
            "checks": self.checks,
        }
        values = np.where(computed, self.sheet.values, self._undisplayed(self.guess))
        words = {
            "long_name": "estimated error",
            "units": "share of the displayed range of the loss",
        }
        further = {"error": (self.sheet.names, error, words)}
        return self.sheet.dataset(values, {**self.attrs, **found}, further)

    def _level(self, active: Mask, finer: Lines) -> Generator[xr.Dataset, None, Mask]:
        """Look at the active cells and split the unresolved; the active ones of the next level."""
        lines = self.lines
        cells = np.argwhere(active)
        tests = ((lines[:-1] + lines[1:]) // 2)[cells]
        yield from self.fill(_on(tests, self.error.shape))
        residuals = np.zeros(active.shape)
        residuals[tuple(cells.T)] = self._missed()[tuple(tests.T)]
        near = np.maximum(residuals, NEIGHBOUR * greatest_near(residuals))
        unresolved = active & (near > SAFETY * self.tolerance.relative_tolerance)
        self._note(active & ~unresolved, near)
        truth = self._displayed(self.sheet.values)
        guessed = corrected(self.guess, truth, lines, active)
        split = corners(np.argwhere(unresolved), lines)
        yield from self.fill(_on(split, self.error.shape))
        self.lines = finer
        truth = self._displayed(self.sheet.values)
        self._interpolate(np.where(self.sheet.computed, truth, guessed))
        parent = np.searchsorted(lines, finer[:-1], side="right") - 1
        return unresolved[np.ix_(*[parent] * self.dimensions)]

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

    def _note(self, resolved: Mask, residuals: Floats) -> None:
        """Note 2.5 times the residuals as the error of all points in resolved cells."""
        cell = np.searchsorted(self.lines, np.arange(self.size), side="right") - 1
        where = np.ix_(*[np.minimum(cell, len(self.lines) - 2)] * self.dimensions)
        self.error = np.where(resolved[where], residuals[where] / SAFETY, self.error)

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

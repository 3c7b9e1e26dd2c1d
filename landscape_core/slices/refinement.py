"""Values on a grid of which some are computed and the others estimated, with an error for each."""

import time
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr

from landscape_core.foundation.recipes import canonical, to_plain
from landscape_core.slices.grid import Index, Mask
from landscape_core.slices.grid_values import UPDATE_INTERVAL, GridValues, Spread
from landscape_core.slices.interpolation import Floats
from landscape_core.slices.tolerance import MOST, Tolerance

SAFETY = 0.4
"""A cell whose residual is at most this fraction of the tolerance is resolved."""

FEW = 256
"""This number of points is computed in any case, where they are needed."""


class Refinement:
    """Grid values under refinement.

    `guess` (S, R, ...) holds the estimates of all points on the displayed scale, `error` (...) how
    far they may be off as a fraction of the range, `asked` which points were to be computed; of
    `most` points more may be; `checks` points were computed as a check, of which the `worst` was
    off.
    """

    def __init__(
        self,
        grid_values: GridValues,
        tolerance: Tolerance,
        attrs: dict[str, Any],
        spread: Spread | None,
    ) -> None:
        """Nothing computed yet but what the values begin with."""
        self.grid_values, self.tolerance, self.spread = grid_values, tolerance, spread
        self.attrs = {**attrs, "tolerance": canonical(to_plain(tolerance))}
        self.dimensions, self.size = grid_values.computed.ndim, grid_values.grid.resolution
        self.guess = grid_values.values  # of all points, on the displayed scale
        self.error = np.zeros(grid_values.computed.shape)
        self.asked = np.zeros(grid_values.computed.shape, dtype=bool)
        self.most = max(FEW, int(MOST * grid_values.computed.size))
        self.checks, self.worst = 0, 0.0
        self.began = time.perf_counter()

    def fill(self, wanted: Mask) -> Iterator[xr.Dataset]:
        """Compute wanted points; yield a dataset after each batch of them."""
        self.asked |= wanted
        missing = np.argwhere(wanted & ~self.grid_values.computed)
        for _ in self.grid_values.work(missing, self.spread):
            yield self.dataset()
        losses = self.displayed(self.grid_values.values[:, :1])[:, 0, wanted]
        if not np.isfinite(losses).all():  # no error can be stated for these
            self.most = self.asked.size

    @property
    def left(self) -> int:
        """How many more points may be computed; those that were known at the start count, too."""
        return max(0, self.most - int(self.asked.sum()))

    def dataset(self) -> xr.Dataset:
        """What is known, with the estimates."""
        computed = self.grid_values.computed
        error = np.where(computed, 0.0, self.error)
        largest = float(error.max())
        found = {
            "estimated_error": largest,
            "tolerance_reached": int(self.tolerance.allows(largest)),
            "checked_error": self.worst,
            "checks": self.checks,
        }
        values = np.where(computed, self.grid_values.values, self._undisplayed(self.guess))
        words = {"long_name": "estimated error", "units": self.tolerance.unit}
        name = "error" if "error" not in self.grid_values.read.rows else "interpolation_error"
        further = {name: (self.grid_values.names, error, words)}
        return self.grid_values.dataset(values, {**self.attrs, **found}, further)

    def missed(self) -> Floats:
        """How far computed losses lie from the guess: the largest fraction of a range, (...)."""
        truth, guess = self.displayed(self.grid_values.values)[:, 0], self.guess[:, 0]
        known = truth[:, self.grid_values.computed]
        finite = np.where(np.isfinite(known), known, np.nan)
        with np.errstate(invalid="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a split may have no finite value
            ranges = np.nanmax(finite, axis=1) - np.nanmin(finite, axis=1)
            ranges = np.where(ranges > 0, ranges, 1.0).reshape(-1, *[1] * self.dimensions)
            apart = np.abs(truth - guess) / ranges
        # What is negative cannot be shown on a logarithmic scale: it is computed, not guessed.
        nowhere = np.isnan(self.grid_values.values[:, 0])
        same = (truth == guess) | (nowhere & np.isnan(guess))
        return np.where(same, 0.0, np.where(np.isfinite(apart), apart, np.inf)).max(axis=0)

    def displayed(self, values: Floats) -> Floats:
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
        for loss, known in zip(values[:, 0], self.grid_values.values[:, 0], strict=True):
            least = np.nanmin(known, initial=np.inf)
            if least > 0:  # a spline may swing below what is lost in a valley's width
                loss[loss <= 0] = least
        return values

    def is_due(self) -> bool:
        """Whether it has taken so long by now that what is known is worth a dataset."""
        return time.perf_counter() - self.began > UPDATE_INTERVAL


def mask_of(index: Index, shape: tuple[int, ...]) -> Mask:
    """The mask of points at indices (K, D)."""
    mask = np.zeros(shape, dtype=bool)
    mask[tuple(index.T)] = True
    return mask

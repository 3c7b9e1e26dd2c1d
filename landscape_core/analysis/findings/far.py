"""An extent so large that the picture shows networks that have nothing to do with the centre's.

Along a random direction with filter normalization, span 1 already replaces the weights by as much
as their norm (Li et al., 2018); some multiples of that show how the loss grows with the scale of
the weights, and the minimum is a few points wide.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from landscape_core.analysis.findings.base import Finding, OfSlice, Seen, share

DISPLACEMENT = 3.0
"""Multiples of the norm of the parameters from which an extent around one state is too large."""

AROUND_ONE = ("random", "hessian", "gradient")
"""Directions around one state; a path or several states determine the extent of others."""

OF_A_PATH, SMALL = ("pca", "endpoints"), 0.1
"""Directions whose plane a path determines, and the fraction of an axis that it has to take."""

ABOVE = 10.0
"""So many times the largest loss of the path is far above it."""

NARROW, SIDE, CLEAR, ALONE = 0.25, 15, 100.0, 5.0
"""A minimum is too narrow if the points next to it lie higher by this fraction of the median rise
and by this multiple (the last) of the median difference of neighbours; on a grid with this number
of points along an axis, whose median rise is at least this multiple of rounding."""


@dataclass(frozen=True, kw_only=True)
class Far(OfSlice):
    """The extent is too large: almost all of the picture lies far above its minimum."""

    label: ClassVar[str] = "far"
    waits: ClassVar[bool] = True
    formula: ClassVar[str] = (
        "around one state: an axis reaches 3 times the norm of the parameters, and 90 % of the"
        " losses are more than twice the lowest; with a path: 75 % of the losses exceed 10 times"
        " the largest of the path, or, of PCA and endpoints, it takes less than a tenth of both"
        " axes; with at least 15 points a side: half of the points next to the lowest are higher"
        " by 25 % of the median rise and by 5 times the median difference of neighbours"
    )
    remedy: ClassVar[str] = (
        'Take a smaller span, or draw the loss on a logarithmic scale (scale="log").'
    )

    def in_slice(self, seen: Seen) -> Finding | None:
        if seen.values.size < 4 or not seen.moves:
            return None
        looked = (self._displaced, self._above_path, self._small_path, self._narrow)
        return next((found for one in looked if (found := one(seen)) is not None), None)

    def _displaced(self, seen: Seen) -> Finding | None:
        moved = seen.displacement() if seen.directions.get("kind") in AROUND_ONE else None
        low, tenth = seen.values.min(), float(np.quantile(seen.values, 0.1))
        if moved is None or moved < DISPLACEMENT or tenth - low <= abs(low):
            return None
        return self.finding(
            f"The picture reaches {moved:.2g} times the norm of the parameters from the centre, and"
            f" 90 % of the points have a loss above {tenth:.3g}, while the lowest is {low:.3g}: it"
            " shows how the loss grows with the weights rather than the minimum.",
            displacement=moved,
            tenth_percentile=tenth,
            lowest=low,
        )

    def _above_path(self, seen: Seen) -> Finding | None:
        own = seen.slice_["path_loss"].values if "path_loss" in seen.slice_ else np.array([])
        own = own[np.isfinite(own)]
        quarter = float(np.quantile(seen.values, 0.25))
        if not own.size or not 0 < ABOVE * own.max() < quarter:
            return None
        return self.finding(
            f"75 % of the points have a loss above {quarter:.3g}, {quarter / own.max():.2g} times"
            f" the largest loss of the path, {own.max():.3g}.",
            lower_quartile=quarter,
            largest_of_path=own.max(),
        )

    def _small_path(self, seen: Seen) -> Finding | None:
        """Of a plane that the path determines, of which it takes a small part."""
        if seen.directions.get("kind") not in OF_A_PATH:
            return None
        taken = 0.0
        for side, coords in zip(seen.sides, seen.path().T, strict=True):
            known = coords[np.isfinite(coords)]
            if known.size:
                taken = max(taken, float(np.ptp(known) / np.ptp(seen.slice_[side].values)))
        if not 0 < taken < SMALL:
            return None
        return self.finding(
            f"The path takes at most {share(taken)} of the length of an axis: the picture shows"
            " what lies around it rather than where training went.",
            fraction=taken,
        )

    def _narrow(self, seen: Seen) -> Finding | None:
        if min(seen.loss.shape) < SIDE:
            return None
        heights = np.where(seen.finite, seen.loss, np.inf)
        lowest = np.unravel_index(heights.argmin(), heights.shape)
        around = tuple(slice(max(at - 1, 0), at + 2) for at in lowest)
        beside = np.sort(seen.loss[around][seen.finite[around]])[1:]
        rise = float(np.median(seen.values) - seen.values.min())
        if beside.size < 3 ** len(lowest) - 1 or rise <= CLEAR * seen.rounding:
            return None  # at the edge, or next to points that are not computed
        above = float(np.median(beside) - seen.values.min())
        fraction = above / rise
        if fraction < NARROW or above < ALONE * _step(seen):
            return None
        return self.finding(
            f"The lowest loss, {seen.values.min():.3g}, is that of a single point: the points next"
            f" to it are higher by {fraction:.0%} of the median rise, {rise:.3g}, so the minimum"
            " lies between the points of the grid.",
            lowest=seen.values.min(),
            rise_beside=fraction,
            median_rise=rise,
        )


def _step(seen: Seen) -> float:
    """The median difference of the losses of neighbouring points."""
    loss = np.where(seen.finite, seen.loss, np.nan)
    steps = np.concatenate([np.abs(np.diff(loss, axis=axis)).ravel() for axis in range(loss.ndim)])
    return float(np.nanmedian(steps)) if np.isfinite(steps).any() else np.inf

"""An extent so large that the picture shows networks that have nothing to do with the centre's.

Along a random direction with filter normalization, span 1 already replaces the weights by as much
as their norm (Li et al., 2018); some multiples of that show how the loss grows with the scale of
the weights, and the minimum is a few points wide.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from landscape_core.analysis.findings.base import Finding, OfSlice, Seen

DISPLACEMENT = 3.0
"""Multiples of the norm of the parameters from which an extent around one state is too large."""

AROUND_ONE = ("random", "hessian", "gradient")
"""Directions around one state; a path or several states determine the extent of others."""

ABOVE = 10.0
"""So many times the largest loss of the path is far above it."""

NARROW, SIDE = 0.25, 15
"""How much of the median rise the points next to the lowest one have where it is too narrow, and
the least points along an axis for which this says something of the extent."""


@dataclass(frozen=True, kw_only=True)
class Far(OfSlice):
    """The extent is too large: almost all of the picture lies far above its minimum."""

    label: ClassVar[str] = "far"
    formula: ClassVar[str] = (
        "around one state: an axis reaches 3 times the norm of the parameters, and 90 % of the"
        " losses are more than twice the lowest; with a path: 75 % of the losses exceed 10 times"
        " the largest of the path; with at least 15 points a side: half of the points next to the"
        " lowest rise by 25 % of the median rise"
    )
    remedy: ClassVar[str] = (
        'Take a smaller span, or draw the loss on a logarithmic scale (scale="log").'
    )

    def in_slice(self, seen: Seen) -> Finding | None:
        if seen.values.size < 4 or not seen.moves:
            return None
        return self._displaced(seen) or self._above_path(seen) or self._narrow(seen)

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

    def _narrow(self, seen: Seen) -> Finding | None:
        if min(seen.loss.shape) < SIDE:
            return None
        heights = np.where(seen.finite, seen.loss, np.inf)
        lowest = np.unravel_index(heights.argmin(), heights.shape)
        around = tuple(slice(max(at - 1, 0), at + 2) for at in lowest)
        beside = np.sort(seen.loss[around][seen.finite[around]])[1:]
        rise = float(np.median(seen.values) - seen.values.min())
        if beside.size < 3 ** len(lowest) - 1 or rise <= seen.rounding:
            return None  # at the edge, or next to points that are not computed
        fraction = float(np.median(beside) - seen.values.min()) / rise
        if fraction < NARROW:
            return None
        return self.finding(
            f"The lowest loss, {seen.values.min():.3g}, is that of a single point: the points next"
            f" to it are higher by {fraction:.0%} of the median rise, {rise:.3g}, so the minimum"
            " lies between the points of the grid.",
            lowest=seen.values.min(),
            rise_beside=fraction,
            median_rise=rise,
        )

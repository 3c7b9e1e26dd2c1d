"""The range of heights and colours that stays while a run goes on.

Where the plane stays, the slice does, and with it the range. Where the plane follows the iterate,
the landscape changes with each picture: then the range stays, and is widened generously once values
leave it noticeably. It is never narrowed.
"""

from collections.abc import Hashable

import numpy as np
import xarray as xr

from landscape_lab.figures import theme
from landscape_lab.figures.pixels import raised
from landscape_lab.figures.reduced import divisor_of, reduced

NOTICED = 0.1
"""Values leave the range noticeably where they are beyond it by more than this share of it."""

GENEROUS = 1.0
"""By how much of itself a range is widened to a side that values have left."""

Range = tuple[float, float]


class SteadyRange:
    """The range of the heights of a run, as long as the same is drawn of it."""

    def __init__(self) -> None:
        """Nothing drawn yet."""
        self._key: Hashable = None
        self._range: Range | None = None

    def limits(self, key: Hashable, natural: Range, *, playing: bool) -> Range | None:
        """The range to draw with; None: the picture's own.

        Args:
            key: what is drawn; where that changes, the range is chosen anew.
            natural: the range that the picture would have by itself.
            playing: whether the run goes on; before, each picture has its own range.
        """
        if key != self._key:
            self._key, self._range = key, None
        if self._range is None:
            if playing:
                self._range = natural
            return None
        self._range = widened(self._range, natural)
        return None if self._range == natural else self._range


def widened(kept: Range, natural: Range) -> Range:
    """The range that is kept, wider at the sides that the other leaves noticeably."""
    (low, high), span = kept, kept[1] - kept[0]
    if natural[0] < low - NOTICED * span:
        low = natural[0] - GENEROUS * (high - natural[0])
    if natural[1] > high + NOTICED * span:
        high = natural[1] + GENEROUS * (natural[1] - low)
    return low, high


def natural_range(slice_: xr.Dataset, variable: str, split: str, scale: str) -> Range:
    """The range of a picture by itself, as heights on its scale."""
    slice_ = reduced(slice_)
    values = slice_[variable].sel(split=split).values
    if variable == "loss":
        values = raised(values, slice_["computed"].values)
    return theme.limits(theme.decimal_log(values) if scale == "log" else values)


def as_values(slice_: xr.Dataset, variable: str, scale: str, heights: Range) -> Range:
    """A range of heights in the values of the variable, as limits are given."""
    divisor = divisor_of(reduced(slice_), variable) or 1.0
    low, high = np.power(10.0, heights) if scale == "log" else np.asarray(heights)
    return float(low * divisor), float(high * divisor)

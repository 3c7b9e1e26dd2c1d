"""What several pictures of landscapes show: their heights, differences and scales of colours."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from landscape_lab.figures import theme
from landscape_lab.figures.bokeh.panels import DIFFERENCES, Heights, difference
from landscape_lab.figures.pixels import SHADES, Array
from landscape_lab.figures.tables import colors

NAMED = 5
"""Heights named below a scale of colours, at most."""


@dataclass(frozen=True)
class Style:
    """What of the slices is shown, and at which heights."""

    variable: str
    scale: str
    limits: tuple[float, float] | None

    def heights(self, slices: Sequence[xr.DataArray], *, own: bool) -> list[Heights]:
        """Of each slice (beta, alpha), all with the same range, or each with its own.

        The lines are those of each picture's own range, so that its shape is seen even where
        its colours hardly differ.
        """
        found = [each.transpose("beta", "alpha") for each in slices]
        lift: Callable[[Array], Array] = theme.decimal_log if self.scale == "log" else np.asarray
        lifted = [each.copy(data=lift(each.values)) for each in found]
        ranges = [theme.limits(each.values) for each in lifted]
        levels = [theme.levels(*ends, self.scale) for ends in ranges]
        if not own:
            every = np.concatenate([each.values.ravel() for each in lifted])
            ranges = [theme.range_of(every, self.limits, self.scale)] * len(lifted)
        return [
            Heights(heights, raw.values, ends, lines)
            for heights, raw, ends, lines in zip(lifted, found, ranges, levels, strict=True)
        ]

    def extent(self, shown: Heights) -> str:
        """The values of the first and the last colour of a picture."""
        low, high = theme.words(np.array(shown.limits), self.scale)
        return f"{low} to {high}"


def minus(first: Heights, others: Sequence[Heights]) -> list[Heights]:
    """Each of the others minus the first, in one range around zero."""
    found = [difference(other.heights, first.heights) for other in others]
    sizes = np.abs(np.concatenate([each.values.ravel() for each in found]))
    most = theme.limits(sizes)[1]
    zero = np.zeros(1)
    return [Heights(each, each.values, (-most, most), zero, diverging=True) for each in found]


def unknown(shown: Heights) -> Heights:
    """A picture of which nothing can be said."""
    nothing = shown.heights.copy(data=np.full(shown.heights.shape, np.nan))
    return Heights(nothing, nothing.values, shown.limits, np.zeros(0), shown.diverging)


def bar(words: str, shown: Sequence[Heights], scale: str) -> str:
    """The scale of colours that pictures share, with few words below it."""
    (low, high), diverging = shown[0].limits, shown[0].diverging
    palette = DIFFERENCES[:SHADES] if diverging else theme.LANDSCAPE
    cut = not diverging and any(bool((one.heights > high).any()) for one in shown)
    ticks = list(theme.ticks(low, high, scale, cut=cut).items())[::-1]
    few = dict(ticks[:: max(1, -(-len(ticks) // NAMED))])
    return colors(words, palette, shown[0].limits, few)

"""A merge tree: minima from left to right, joined at the height of the saddles between them."""

from typing import Any

import numpy as np
import xarray as xr

from landscape_lab.figures import theme
from landscape_lab.figures.matplotlib.barcode import draw_lines, finish, mark_minima, name_heights
from landscape_lab.figures.topology import bars, scale_for, tree_lines


def merge_tree_on(axes: Any, barcode: xr.Dataset, scale: str = "linear") -> None:
    """Draw the merge tree of the longest bars; height is the loss, left to right the profile's.

    Args:
        axes: of Matplotlib.
        barcode: as `landscape_core.analysis.persistence` gives it, of minima.
        scale: `log` or `linear` heights; linear where a loss is not positive.
    """
    scale = scale_for(barcode, scale)
    found = bars(barcode, scale)
    lines = tree_lines(found)
    draw_lines(axes, found, lines)
    saddles = lines[~found.endless][:, 1]
    axes.plot(*saddles.T, "s", markersize=3.5, zorder=4, markerfacecolor=theme.SURFACE,
              markeredgecolor=theme.MUTED)  # fmt: skip
    mark_minima(axes, found, found.order, found.birth)
    name_heights(axes.yaxis, found.limits, scale)
    axes.set(ylim=found.limits, xlim=(-0.8, max(1, len(found.birth)) - 0.2))
    axes.set_xlabel("minima, in the order of the topological profile")
    axes.set_xticks(np.empty(0))
    finish(axes, barcode)

"""A merge tree: minima from left to right, joined at the height of the saddles between them."""

from typing import Any, ClassVar

import numpy as np
import xarray as xr

from landscape_lab.figures import theme
from landscape_lab.figures.matplotlib.barcode import (
    draw_lines,
    ends_of,
    finish,
    mark_minima,
    name_heights,
)
from landscape_lab.figures.matplotlib.base import Drawing, Place, PlotOptions
from landscape_lab.figures.matplotlib.paper import HEIGHT, WIDTH
from landscape_lab.figures.topology import (
    barcode_of,
    bars,
    is_barcode,
    is_slice,
    scale_for,
    tree_lines,
)


class MergeTree(Drawing[xr.Dataset]):
    """The merge tree of a slice or of a barcode of its minima, where it is asked for."""

    rank: ClassVar[int] = 120
    needs: ClassVar[str] = (
        "a slice: loss (split, beta, alpha); or a barcode of minima: parent (bar)"
    )

    def draws(self, dataset: object) -> bool:
        return is_slice(dataset) or is_barcode(dataset, of_minima=True)

    def variables(self, dataset: xr.Dataset) -> list[str]:
        return []

    def size(self, dataset: xr.Dataset) -> tuple[float, float]:
        return WIDTH, HEIGHT

    def draw(self, place: Place, dataset: xr.Dataset, options: PlotOptions) -> Any:
        axes = place.axes()
        merge_tree_on(axes, barcode_of(dataset, options.split), options.scale, options.limits)
        return axes


def merge_tree_on(
    axes: Any,
    barcode: xr.Dataset,
    scale: str = "linear",
    limits: tuple[float, float] | None = None,
) -> None:
    """Draw the merge tree of the longest bars; height is the loss, left to right the profile's.

    Args:
        axes: of Matplotlib.
        barcode: as `landscape_core.analysis.persistence` gives it, of minima.
        scale: `log` or `linear` heights; linear where a loss is not positive.
        limits: losses at the ends of the axis; by default all bars are seen.
    """
    scale = scale_for(barcode["birth"].values, scale)
    found = bars(barcode, scale)
    lines = tree_lines(found)
    draw_lines(axes, found, lines)
    saddles = lines[~found.endless][:, 1]
    axes.plot(*saddles.T, "s", markersize=3.5, zorder=4, markerfacecolor=theme.SURFACE,
              markeredgecolor=theme.MUTED)  # fmt: skip
    mark_minima(axes, found, found.order, found.birth)
    ends = ends_of(found.limits, limits, scale)
    name_heights(axes.yaxis, ends, scale)
    axes.set(ylim=ends, xlim=(-0.8, max(1, len(found.birth)) - 0.2))
    axes.set_xlabel("minima, in the order of the topological profile")
    axes.set_xticks(np.empty(0))
    finish(axes, barcode)

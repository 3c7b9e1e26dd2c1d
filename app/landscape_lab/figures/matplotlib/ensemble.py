"""An ensemble of planes as small pictures with one scale of colours."""

import math
import textwrap
from typing import Any, ClassVar

import numpy as np
import xarray as xr

from landscape_lab.figures import theme
from landscape_lab.figures.annotations import named, part_of
from landscape_lab.figures.captions import headline
from landscape_lab.figures.matplotlib.base import Drawing, Place, PlotOptions
from landscape_lab.figures.matplotlib.heights import bar_on, map_on, scaled
from landscape_lab.figures.pixels import shared_limits
from landscape_lab.figures.slice_parts import part

COLUMNS, SIDE = 3, 2.0
"""Pictures in a row; inches along a side of one."""

SMALL, LETTERS = 6.5, 17
"""Points of the axis labels; letters of the title in an inch."""


class Ensemble(Drawing[xr.Dataset]):
    """Each plane with its seed and the ends of its loss; the title tells the spread of metrics."""

    rank: ClassVar[int] = 50
    needs: ClassVar[str] = "an ensemble of planes: loss (plane, split, beta, alpha)"

    def draws(self, dataset: object) -> bool:
        return isinstance(dataset, xr.Dataset) and bool(self.variables(dataset))

    def variables(self, dataset: xr.Dataset) -> list[str]:
        dims = {"plane", "beta", "alpha"}
        found = [
            str(name)
            for name, one in dataset.items()
            if dims <= set(one.dims) <= {*dims, "split"} and one.dtype.kind == "f"
        ]
        return sorted(found, key=lambda name: name != "loss")

    def size(self, dataset: xr.Dataset) -> tuple[float, float]:
        rows, columns = _grid(dataset.sizes["plane"])
        return columns * SIDE + 1.1, rows * SIDE + 0.9

    def draw(self, place: Place, dataset: xr.Dataset, options: PlotOptions) -> Any:
        shown = part(dataset[options.variable], options.split).transpose("plane", "beta", "alpha")
        rows, columns = _grid(len(shown))
        every = place.panels(rows, columns)
        heights = scaled(shown.values, options.scale)
        ends = shared_limits(heights)
        if options.limits is not None:
            ends = tuple(scaled(np.array(options.limits), options.scale).tolist())
        image = None
        for i, axes in enumerate(every.flat):
            axes.set_visible(i < len(shown))
            if i < len(shown):
                _same_ticks(axes, below=i + columns >= len(shown), left=i % columns == 0)
                image = map_on(axes, shown.isel(plane=i), ends, options, labelled=False)
                _mark_centre(axes, shown)
                axes.set_title(_title(shown.isel(plane=i)), fontsize=7, color=theme.MUTED, pad=2.5)
        _explain(place, every, shown, dataset, options, image, heights)
        return every.flat[0]


def _grid(planes: int) -> tuple[int, int]:
    columns = min(COLUMNS, planes)
    return math.ceil(planes / columns), columns


def _explain(  # noqa: PLR0913 - all that the words around the pictures are made of
    place: Place, every: Any, shown: xr.DataArray, found: xr.Dataset, options: PlotOptions,
    image: Any, heights: Any,
) -> None:  # fmt: skip
    """The bar of colours, the names of the axes, the title."""
    title = f"{part_of(options.split)} {options.variable}".strip()
    cut = bool((heights[np.isfinite(heights)] > image.get_clim()[1]).any())
    bar = bar_on(place.figure, image, list(every.flat), title, options.scale, cut=cut)
    bar.ax.tick_params(labelsize=SMALL)
    columns = every.shape[1]
    for axes in every[:, 0]:
        axes.set_ylabel(named(shown["beta"]), fontsize=SMALL + 0.5)
    for i, axes in enumerate(every.flat):
        if i + columns >= len(shown):
            axes.set_xlabel(named(shown["alpha"]), fontsize=SMALL + 0.5)
    if place.is_whole:
        wide = int(LETTERS * place.figure.get_figwidth())
        lines = [line for told in headline(len(shown), found) for line in textwrap.wrap(told, wide)]
        place.figure.suptitle("\n".join(lines), fontsize=8, color=theme.INK, x=0.01, ha="left")


def _same_ticks(axes: Any, *, below: bool, left: bool) -> None:
    axes.locator_params(nbins=4)
    axes.tick_params(labelbottom=below, labelleft=left, labelsize=SMALL, length=2)


def _mark_centre(axes: Any, shown: xr.DataArray) -> None:
    """A cross where the network is as it is."""
    if all(shown[side].min() <= 0 <= shown[side].max() for side in ("alpha", "beta")):
        axes.plot(0, 0, "+", color=theme.HALO, markersize=5.5, markeredgewidth=2.0)
        axes.plot(0, 0, "+", color="#ffffff", markersize=5, markeredgewidth=0.9)


def _title(shown: xr.DataArray) -> str:
    """Which plane it is, and between which values its loss lies."""
    finite = shown.values[np.isfinite(shown.values)]
    number = f"seed {int(shown['seed'])}" if "seed" in shown.coords else "plane"
    return f"{number}: {finite.min():.3g} to {finite.max():.3g}" if finite.size else number

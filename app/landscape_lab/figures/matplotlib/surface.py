"""A slice of two dimensions as a lit surface with the path above it."""

from typing import Any, ClassVar

import xarray as xr

from landscape_lab.figures.annotations import marked, minimized, own_path, runs, title_of
from landscape_lab.figures.matplotlib.base import Drawing, Place, PlotOptions
from landscape_lab.figures.matplotlib.heights import key_on, name_axes
from landscape_lab.figures.matplotlib.paper import HEIGHT, WIDTH
from landscape_lab.figures.matplotlib.relief import above, lowest_on, relief_on
from landscape_lab.figures.matplotlib.slice import Slice
from landscape_lab.figures.matplotlib.tracks import path_on, run_on
from landscape_lab.figures.reduced import reduced
from landscape_lab.figures.slice_parts import shown_of

FINE = 100
"""Slices of fewer points along a side are drawn finer than their points."""


class Surface(Drawing[xr.Dataset]):
    """A lit surface; by its rank it is drawn only where it is asked for."""

    rank: ClassVar[int] = 65
    needs: ClassVar[str] = Slice.needs

    def draws(self, dataset: object) -> bool:
        return Slice().draws(dataset)

    def variables(self, dataset: xr.Dataset) -> list[str]:
        return Slice().variables(dataset)

    def size(self, dataset: xr.Dataset) -> tuple[float, float]:
        return WIDTH, HEIGHT

    def draw(self, place: Place, dataset: xr.Dataset, options: PlotOptions) -> Any:
        dataset = reduced(dataset)
        options = options.reduced(dataset)
        axes = place.axes(deep=True)
        surface_on(axes, dataset, title_of(dataset, options.variable, options.split), options)
        key_on(axes)
        return axes


def surface_on(axes: Any, dataset: xr.Dataset, title: str, options: PlotOptions) -> Any:
    """Draw a slice with its signs as a surface; the colours that a bar explains.

    Args:
        axes: of three dimensions.
        dataset: the slice, whose values can be drawn as they are.
        title: of a bar of colours next to it; empty: no bar.
        options: what is shown, and how.
    """
    shown = shown_of(dataset, options.variable, options.split)
    colors = relief_on(axes, shown, title, options, smooth=min(shown.shape) < FINE)
    if minimized(dataset):
        lowest_on(axes, shown, options)
    path = own_path(dataset) if options.path else None
    if path is not None and "beta" in path and path.sizes["step"]:
        up = above(shown, path, options)
        path_on(axes, marked(dataset, path), dataset.attrs.get("seen"), up)
    for name, color, one in runs(dataset) if options.path else []:
        run_on(axes, name, color, one, above(shown, one, options))
    name_axes(axes, shown)
    return colors

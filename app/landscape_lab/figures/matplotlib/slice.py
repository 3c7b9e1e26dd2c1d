"""A slice of two dimensions from above: colours, labelled contours, paths, what is interpolated."""

from typing import Any, ClassVar

import xarray as xr

from landscape_lab.figures.annotations import (
    lowest,
    marked,
    minimized,
    others,
    own_path,
    runs,
    title_of,
)
from landscape_lab.figures.matplotlib.base import Drawing, Place, PlotOptions
from landscape_lab.figures.matplotlib.given_points import mark_given
from landscape_lab.figures.matplotlib.heights import (
    computed_on,
    heights_on,
    key_on,
    name_axes,
    scaled,
)
from landscape_lab.figures.matplotlib.paper import HEIGHT, WIDTH
from landscape_lab.figures.matplotlib.tracks import other_on, outlined, path_on, run_on
from landscape_lab.figures.slice_parts import (
    SIDES,
    computed_of,
    shown_of,
    sides_of,
    variables_of,
)


class Slice(Drawing[xr.Dataset]):
    """Colours with their bar, contour lines with values, paths, given states, the lowest point."""

    rank: ClassVar[int] = 60
    needs: ClassVar[str] = "a slice of two dimensions: loss (split, beta, alpha)"

    def draws(self, dataset: object) -> bool:
        return (
            isinstance(dataset, xr.Dataset)
            and sides_of(dataset) == SIDES
            and bool(variables_of(dataset, SIDES))
        )

    def variables(self, dataset: xr.Dataset) -> list[str]:
        return variables_of(dataset, SIDES)

    def size(self, dataset: xr.Dataset) -> tuple[float, float]:
        return WIDTH, HEIGHT

    def draw(self, place: Place, dataset: xr.Dataset, options: PlotOptions) -> Any:
        axes = place.axes()
        shown = shown_of(dataset, options.variable, options.split)
        path = own_path(dataset) if options.path else None
        if path is not None and "beta" not in path:
            path = None
        every = runs(dataset) if options.path else []
        avoid = xr.concat([one for *_, one in every], "step") if every else path
        heights_on(axes, shown, title_of(dataset, options.variable, options.split), options, avoid)
        computed_on(
            axes, computed_of(dataset), axes.images[-1], scaled(shown.values, options.scale)
        )
        if options.path:
            for number, other in others(dataset):
                other_on(axes, number, other)
            for name, color, one in every:
                run_on(axes, name, color, one)
        if path is not None and path.sizes["step"]:
            path_on(axes, marked(dataset, path), dataset.attrs.get("seen"))
        mark_given(axes, dataset)
        _mark_lowest(axes, dataset, options)
        name_axes(axes, shown)
        key_on(axes)
        return axes


def _mark_lowest(axes: Any, slice_: xr.Dataset, options: PlotOptions) -> None:
    """A cross at the lowest loss of the picture."""
    if options.variable != "loss" or not minimized(slice_):
        return
    shown = shown_of(slice_, options.variable, options.split)
    low = lowest(shown.values, shown["alpha"].values, shown["beta"].values)
    if low is not None:
        axes.plot(
            *low, "x", color="#ffffff", markersize=7, markeredgewidth=1.5,
            label="lowest on slice", zorder=5.5, path_effects=outlined(1.7),
        )  # fmt: skip

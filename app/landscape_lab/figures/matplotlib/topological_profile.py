"""A topological landscape profile: a curve whose basins have the depths and sizes of a slice's.

Geniesse et al., Visualizing loss functions as topological landscape profiles, 2024.
"""

from typing import Any, ClassVar

import xarray as xr

from landscape_lab.figures import theme
from landscape_lab.figures.matplotlib.barcode import ends_of, finish, mark_minima, name_heights
from landscape_lab.figures.matplotlib.base import Drawing, Place, PlotOptions
from landscape_lab.figures.matplotlib.paper import HEIGHT, WIDTH
from landscape_lab.figures.topology import (
    barcode_of,
    bars,
    curve,
    is_slice,
    profile_limits,
    profile_of,
    scale_for,
)


class TopologicalProfile(Drawing[xr.Dataset]):
    """The profile of a slice with its minima, where it is asked for, or a profile itself."""

    rank: ClassVar[int] = 130
    needs: ClassVar[str] = "a slice: loss (split, beta, alpha); or a profile: loss (place)"

    def draws(self, dataset: object) -> bool:
        return is_slice(dataset) or _is_profile(dataset)

    def variables(self, dataset: xr.Dataset) -> list[str]:
        return []

    def size(self, dataset: xr.Dataset) -> tuple[float, float]:
        return WIDTH, HEIGHT

    def draw(self, place: Place, dataset: xr.Dataset, options: PlotOptions) -> Any:
        axes = place.axes()
        if _is_profile(dataset):
            profile_on(axes, dataset, None, options.scale, options.limits)
        else:
            barcode = barcode_of(dataset, options.split)
            profile = profile_of(dataset, options.split)
            profile_on(axes, profile, barcode, options.scale, options.limits)
        return axes


def profile_on(
    axes: Any,
    profile: xr.Dataset,
    barcode: xr.Dataset | None = None,
    scale: str = "linear",
    limits: tuple[float, float] | None = None,
) -> None:
    """Draw a profile with the most persistent minima marked on it.

    Args:
        axes: of Matplotlib.
        profile: as `landscape_core.analysis.topological_profile` gives it.
        barcode: as `landscape_core.analysis.persistence` gives it, of minima; None: none is marked.
        scale: `log` or `linear` heights; linear where a loss is not positive.
        limits: losses at the ends of the axis; by default all saddles are seen.
    """
    scale = scale_for(profile["loss"].values, scale)
    found = None if barcode is None else bars(barcode, scale)
    x, y = curve(profile, scale)
    low, high = ends_of(profile_limits(found, y), limits, scale)
    axes.fill_between(x, low, y, color=theme.GRID, linewidth=0)
    axes.plot(x, y, color=theme.INK, linewidth=1.0)
    if found is not None:
        mark_minima(axes, found, found.position, found.birth)
    name_heights(axes.yaxis, (low, high), scale)
    axes.set(xlim=(0, 1), ylim=(low, high), xlabel="fraction of the points of the slice")
    finish(axes, barcode)


def _is_profile(dataset: object) -> bool:
    """Whether this is a profile of `landscape_core.analysis.topological_profile`."""
    return isinstance(dataset, xr.Dataset) and {"loss", "position"} <= set(dataset.data_vars)

"""A slice as a lit surface on paper, with the path above it; by matplotlib."""

from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from landscape_lab.figures import theme
from landscape_lab.figures.annotations import lowest
from landscape_lab.figures.camera import HOME, TALL
from landscape_lab.figures.matplotlib.base import PlotOptions
from landscape_lab.figures.matplotlib.figure_style import NARROW
from landscape_lab.figures.matplotlib.heights import bar_on, scaled, spanned
from landscape_lab.figures.matplotlib.tracks import outlined
from landscape_lab.figures.pixels import finer

Array = npt.NDArray[np.floating[Any]]

ZOOM, ZOOM_OF_NARROW = 0.92, 0.8
"""How large a surface is drawn that is seen from the usual distance; names need the rest."""

PAD_OF_SEVERAL = 0.08
"""Room between a surface that is one of several and its bar of colours, in widths of both."""

MOST_TICKS = 6
"""Numbers on the axis of heights, at most."""

LIGHT = (315.0, 50.0)
"""Where the light comes from: degrees from north, and above the horizon."""

SHADE = 0.62
"""How bright what lies in the shade is."""

LIFT = 0.012
"""How far the path is drawn above the surface, as a fraction of the range of heights."""


def relief_on(
    axes: Any, shown: xr.DataArray, title: str, options: PlotOptions, *, smooth: bool
) -> Any:
    """Draw values (beta, alpha) as a lit surface; the colours that a bar explains.

    Args:
        axes: of three dimensions.
        shown: values with the coordinates alpha and beta.
        title: what the values are, on a bar of colours next to it; empty: no bar.
        options: the scale, the limits and the colours.
        smooth: draw it finer than its points; takes a second.
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LightSource, Normalize

    alpha, beta = shown["alpha"].values, shown["beta"].values
    scale = options.scale
    heights = scaled(shown.values, scale)
    low, high = spanned(heights, options.limits, scale)
    fine, holes = finer(heights) if smooth else _filled(heights)
    cut = np.clip(fine, low, high)
    colors = ScalarMappable(Normalize(low, high), options.colors())
    light, (rows, columns) = LightSource(*LIGHT), _sides(alpha, beta, fine.shape)
    shade = light.hillshade(
        (cut - low) / (high - low), vert_exag=0.6, dx=1 / fine.shape[1], dy=1 / fine.shape[0]
    )
    lit = colors.to_rgba(cut)[..., :3] * (SHADE + (1 - SHADE) * shade[..., None])
    faces = np.dstack([lit, np.where(holes, 0.0, 1.0)])
    axes.computed_zorder = False
    axes.plot_surface(
        columns, rows, cut, facecolors=faces, rstride=1, cstride=1, linewidth=0,
        antialiased=False, shade=False, rasterized=True, zorder=1,
    )  # fmt: skip
    axes.set(xlim=alpha[[0, -1]], ylim=beta[[0, -1]], zlim=(low, high))
    axes.locator_params(axis="x", nbins=5)
    axes.locator_params(axis="y", nbins=5)
    camera = options.camera
    axes.view_init(camera.elevation, camera.azimuth)
    narrow = axes.figure.get_figwidth() < NARROW
    zoom = ZOOM_OF_NARROW if narrow else ZOOM
    axes.set_box_aspect((1, 1, TALL / 2), zoom=zoom * HOME.distance / camera.distance)
    for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
        axis.set_pane_color((1, 1, 1, 0))
        axis._axinfo["grid"].update(color=theme.GRID, linewidth=0.6)
        if narrow:
            axis.label.set_fontsize(7)
    beyond = bool((heights[np.isfinite(heights)] > high).any())
    if title:
        alone = len(axes.figure.axes) == 1
        pad = 0.14 if narrow else 0.02 if alone else PAD_OF_SEVERAL
        bar_on(axes.figure, colors, axes, title, scale, cut=beyond, pad=pad)
    ticks = list(theme.ticks(low, high, scale, cut=beyond).items())
    few = dict(ticks[:: max(1, -(-len(ticks) // MOST_TICKS))])
    axes.set_zticks(list(few), labels=list(few.values()))
    return colors


def lowest_on(axes: Any, shown: xr.DataArray, options: PlotOptions) -> None:
    """A cross at the lowest of values (beta, alpha) that are drawn as a surface."""
    low_at = lowest(shown.values, shown["alpha"].values, shown["beta"].values)
    if low_at is not None:
        heights = scaled(shown.values, options.scale)
        ends = spanned(heights, options.limits, options.scale)
        bottom = float(np.clip(np.nanmin(np.where(np.isfinite(heights), heights, np.nan)), *ends))
        axes.plot(
            *low_at, bottom, "x", color="#ffffff", markersize=7, zorder=3, markeredgewidth=1.5,
            label="lowest on slice", path_effects=outlined(1.7),
        )  # fmt: skip


def above(shown: xr.DataArray, path: xr.Dataset, options: PlotOptions) -> Array:
    """Heights of a path: a little above the surface, or its own losses outside of it."""
    heights = scaled(shown.values, options.scale)
    low, high = spanned(heights, options.limits, options.scale)
    surface = shown.copy(data=np.where(np.isfinite(heights), heights, np.nan))
    there: Array = surface.interp(alpha=path["alpha"], beta=path["beta"]).values
    if str(shown.name) in path:
        own = scaled(path[str(shown.name)].values, options.scale)
        there = np.where(np.isfinite(there), there, own)
    return np.clip(there, low, high) + LIFT * (high - low)


def _filled(heights: Array) -> tuple[Array, npt.NDArray[np.bool_]]:
    holes = ~np.isfinite(heights)
    finite = heights[~holes]
    return np.where(holes, finite.min() if finite.size else 0.0, heights), holes


def _sides(alpha: Array, beta: Array, shape: tuple[int, ...]) -> tuple[Array, Array]:
    """Rows and columns of this number of points, (beta, alpha)."""
    beta_at, alpha_at = np.meshgrid(
        np.linspace(beta[0], beta[-1], shape[0]),
        np.linspace(alpha[0], alpha[-1], shape[1]),
        indexing="ij",
    )
    return beta_at, alpha_at

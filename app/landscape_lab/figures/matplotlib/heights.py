"""Heights over a plane on paper: colours with their bar, labelled contour lines, signs."""

from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from landscape_lab.figures import theme
from landscape_lab.figures.annotations import named
from landscape_lab.figures.matplotlib.base import PlotOptions
from landscape_lab.figures.matplotlib.figure_style import NARROW
from landscape_lab.figures.matplotlib.tracks import apart
from landscape_lab.figures.pixels import finer

Array = npt.NDArray[np.floating[Any]]

DARK, LIGHT = f"{theme.HALO}99", "#ffffffbb"
"""Contour lines on light and on dark colours."""

BRIGHT = 0.5
"""Colours of at least this luminance are light."""

DOT = 0.22
"""How wide the dot of a computed point is, as a fraction of the distance between points."""

COLUMNS, COLUMNS_OF_NARROW = 4, 3
"""Signs in one row of a key, at most: with more it is wider than the Axes, which then shrink."""

COLUMNS_OF_SEVERAL = 7
"""The same above several pictures side by side."""

LAST = ("lowest on slice", "computed point", "not finite")
"""Signs that stand behind those of the path."""

KEY: Any = {
    "loc": "lower left", "bbox_to_anchor": (0.0, 1.0), "fontsize": 7.5, "frameon": True,
    "facecolor": "#dfe4e7", "edgecolor": "none", "handletextpad": 0.4, "columnspacing": 1.2,
    "handlelength": 1.4, "borderaxespad": 0.3,
}  # fmt: skip


KEY_OF_NARROW: Any = {
    **{name: value for name, value in KEY.items() if name != "bbox_to_anchor"},
    "loc": "outside upper center", "fontsize": 6.5, "columnspacing": 1.0, "handlelength": 1.2,
}  # fmt: skip
"""The key of a figure of one column, as wide as the figure."""

AXES_OF_ONE = 2
"""The Axes of a figure with one picture: its own, and that of the bar of colours."""


def heights_on(
    axes: Any,
    shown: xr.DataArray,
    title: str,
    options: PlotOptions,
    avoid: xr.Dataset | None = None,
) -> None:
    """Draw heights (beta, alpha) with their bar; contour labels keep off a path to `avoid`."""
    heights = scaled(shown.values, options.scale)
    ends = spanned(heights, options.limits, options.scale)
    image = map_on(axes, shown, ends, options, labelled=True, avoid=avoid)
    bar_on(axes.figure, image, axes, title, options.scale, cut=_beyond(heights, ends[1]))


def map_on(
    axes: Any,
    shown: xr.DataArray,
    ends: tuple[float, float],
    options: PlotOptions,
    *,
    labelled: bool,
    avoid: xr.Dataset | None = None,
) -> Any:
    """Draw values (beta, alpha) as colours with contour lines; the image that a bar explains.

    Args:
        axes: where to draw.
        shown: the values, with the coordinates alpha and beta.
        ends: heights of the first and the last colour, on the scale of the options.
        options: the scale and the colours.
        labelled: whether contour lines have their values, and what is not finite a name.
        avoid: alpha and beta of a path that the values keep off.
    """
    alpha, beta = shown["alpha"].values, shown["beta"].values
    fine, holes = finer(scaled(shown.values, options.scale))
    drawn = np.ma.masked_array(fine, holes)
    image = axes.imshow(
        drawn, origin="lower", aspect="auto", vmin=ends[0], vmax=ends[1], cmap=options.colors(),
        extent=(alpha[0], alpha[-1], beta[0], beta[-1]), interpolation="bilinear",
    )  # fmt: skip
    if holes.any():
        grey = {"facecolor": theme.NOT_FINITE, "edgecolor": theme.NOT_FINITE_STRIPE}
        axes.patch.set(hatch="////", **grey)
        if labelled:
            axes.fill([], [], hatch="////", label="not finite", **grey)
    levels = theme.levels(*ends, options.scale)
    levels = levels[(levels > fine.min()) & (levels < fine.max())]
    if len(levels):
        sides = [
            np.linspace(s[0], s[-1], n)
            for s, n in zip((alpha, beta), fine.shape[::-1], strict=True)
        ]
        widths = 0.7 if labelled else 0.5
        colors = [DARK if light else LIGHT for light in _light(image, levels)]
        lines = axes.contour(
            *sides, drawn, levels=levels, colors=colors, linewidths=widths, linestyles="solid"
        )
        if labelled:
            _label(axes, lines, levels, options.scale, avoid)
    axes.set(xlim=alpha[[0, -1]], ylim=beta[[0, -1]])
    return image


def bar_on(  # noqa: PLR0913 - what it explains, and where
    figure: Any, image: Any, axes: Any, title: str, scale: str, *, cut: bool, pad: float = 0.02
) -> Any:
    """The bar that says what colours mean; `cut`: there are heights beyond its end."""
    low, high = image.get_clim()
    ticks = theme.ticks(low, high, scale, cut=cut)
    bar = figure.colorbar(image, ax=axes, label=title, pad=pad)
    bar.set_ticks(list(ticks), labels=list(ticks.values()))
    bar.outline.set_visible(False)
    return bar


def computed_on(axes: Any, computed: xr.DataArray, under: Any, heights: Array) -> None:
    """A dot at each point (beta, alpha) that was computed, where others are interpolated.

    Args:
        axes: where to draw.
        computed: which points were.
        under: the image beneath, whose colours the dots must differ from.
        heights: of the points, on the scale of the image.
    """
    if bool(computed.all()) or not bool(computed.any()):
        return
    rows, columns = np.nonzero(computed.values)
    alpha, beta = computed["alpha"].values[columns], computed["beta"].values[rows]
    light = np.array(_light(under, heights[rows, columns]))
    points = axes.bbox.width * 72 / axes.figure.dpi
    size = float(np.clip(DOT * points / computed.sizes["alpha"], 0.25, 1.6))
    for side, color in ((~light, LIGHT), (light, DARK)):
        axes.plot(
            alpha[side], beta[side], "o", color=color, markersize=size, markeredgewidth=0,
            zorder=2.5, rasterized=len(rows) > 2000,
        )  # fmt: skip
    axes.plot([], [], "o", color=theme.MUTED, markersize=2.5, label="computed point")


def name_axes(axes: Any, shown: xr.DataArray) -> None:
    """What alpha and beta are called."""
    axes.set(xlabel=named(shown["alpha"]), ylabel=named(shown["beta"]))


def key_on(axes: Any, *others: Any) -> int:
    """Put the key of the signs above the picture, with those of other Axes; how many rows it has.

    Without signs there is no key.
    """
    signs: dict[str, Any] = {}
    for each in (axes, *others):
        handles, words = each.get_legend_handles_labels()
        signs |= dict(zip(words, handles, strict=True))
    named_last = sorted(signs, key=lambda word: LAST.index(word) if word in LAST else -1)
    narrow = axes.figure.get_figwidth() < NARROW
    most = COLUMNS_OF_NARROW if narrow else COLUMNS
    rows = -(-len(signs) // (COLUMNS_OF_SEVERAL if others and not narrow else most))
    if signs:
        columns = -(-len(signs) // rows)
        handles = [signs[word] for word in named_last]
        if narrow and len(axes.figure.axes) <= AXES_OF_ONE:
            axes.figure.legend(handles, named_last, ncols=columns, **KEY_OF_NARROW)
            return rows
        key = axes.legend(handles, named_last, ncols=columns, **KEY)
        key.set_in_layout(not others)  # it lies over the next picture, which need not move away
    return rows


def scaled(values: Array, scale: str) -> Array:
    """Values as heights on a `log` or `linear` scale."""
    return theme.decimal_log(values) if scale == "log" else values


def spanned(heights: Array, limits: tuple[float, float] | None, scale: str) -> tuple[float, float]:
    """The heights of the first and the last colour: those of two values, or as fits the picture."""
    return theme.range_of(heights, limits, scale)


def _beyond(heights: Array, high: float) -> bool:
    """Whether any finite height lies beyond the last colour."""
    return bool((heights[np.isfinite(heights)] > high * (1 + 1e-12 * np.sign(high))).any())


def _light(image: Any, heights: Array) -> list[bool]:
    """Whether the colours of heights are light, so that what is drawn on them must be dark."""
    rgb = image.to_rgba(heights)[:, :3]
    return (rgb @ np.array([0.299, 0.587, 0.114]) >= BRIGHT).tolist()


def _label(axes: Any, lines: Any, levels: Array, scale: str, avoid: xr.Dataset | None) -> None:
    """The value of each contour line, off the edge, off a path and off each other."""
    words = dict(zip(levels.tolist(), theme.words(levels, scale), strict=True))
    places = apart(lines.allsegs, (axes.get_xlim(), axes.get_ylim()), avoid)
    if places:
        axes.clabel(lines, fmt=words, fontsize=7.5, manual=places)

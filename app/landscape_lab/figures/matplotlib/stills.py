"""Pictures of a slice for files: on paper by matplotlib, a page without network by Bokeh."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from bokeh.embed import components
from bokeh.layouts import column
from bokeh.models import Div
from bokeh.resources import Resources

from landscape_lab.figures import theme
from landscape_lab.figures.annotations import lowest, others
from landscape_lab.figures.bokeh import given_points
from landscape_lab.figures.bokeh.contour import Contour
from landscape_lab.figures.bokeh.lines import line_on, named, part_of, profiles
from landscape_lab.figures.bokeh.sliders import Along
from landscape_lab.figures.captions import caption
from landscape_lab.figures.matplotlib.given_points import mark_given
from landscape_lab.figures.matplotlib.paper import HEIGHT, WIDTH, Words
from landscape_lab.figures.matplotlib.relief import above, relief_on, spanned
from landscape_lab.figures.matplotlib.tracks import apart, other_on, path_on
from landscape_lab.figures.pixels import finer

Array = npt.NDArray[np.floating[Any]]

Colors = tuple[str, tuple[float, float] | None]
"""The scale, and the values of the first and the last colour; None: they follow the picture."""

PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Loss landscape</title>{scripts}<style>
body {{ margin: 16px; max-width: 820px; font: 13px {font}; color: {ink} }}
nav {{ display: flex; gap: 4px; margin: 0 0 8px }}
nav button {{ font: inherit; color: inherit; padding: 4px 12px; border-radius: 6px;
  border: 1px solid {edge}; background: #fff; cursor: pointer }}
nav button[aria-pressed=true] {{ background: {accent}; border-color: {accent}; color: #fff }}
main {{ display: grid }} main section {{ grid-area: 1 / 1; min-width: 0; height: {height}px }}
main section[aria-hidden=true] {{ visibility: hidden }}
</style></head><body>{body}</body></html>
"""

BOTH = """<nav aria-label="View"><button type="button">2-D</button>
<button type="button">3-D</button></nav>
<main><section>{flat}</section><section>{deep}</section></main>
<script>
const buttons = document.querySelectorAll("nav button");
const show = chosen => document.querySelectorAll("main section").forEach((section, index) => {{
  section.setAttribute("aria-hidden", index !== chosen);
  buttons[index].setAttribute("aria-pressed", index === chosen);
}});
buttons.forEach((button, index) => {{ button.onclick = () => show(index); }});
show({first});
</script>"""
"""A slice from above and as a surface, one at a time."""

TALL = 620
"""Height of the picture on a page, in pixels."""

DOTS_PER_INCH = 300
"""How fine it is drawn."""

SIZES: Any = {
    "font.size": 9, "font.family": "sans-serif", "axes.edgecolor": theme.FRAME,
    # Words stay words in SVG and PDF: they can be searched and changed.
    "svg.fonttype": "none", "svg.hashsalt": "landscape", "pdf.fonttype": 42,
}  # fmt: skip


def figure_png(
    slice_: xr.Dataset,
    path: xr.Dataset | None,
    target: Path,
    *,
    variable: str = "loss",
    split: str = "train",
    scale: str = "log",
) -> None:
    """Draw a slice into a file, as PNG, SVG or PDF by its suffix.

    Args:
        slice_: dims (split, alpha) or (split, beta, alpha).
        path: alpha and beta by step, or None.
        target: the file to write.
        variable: what a slice of two dimensions shows; a line shows all.
        split: which part of the data a slice of two dimensions shows; a line shows all.
        scale: `log` or `linear` heights.
    """
    from landscape_core.storage import atomic_files  # no view on a page needs the engine

    drawn = still(
        slice_, path, target.suffix[1:], variable=variable, split=split, scale=scale, deep=False
    )
    atomic_files.write(target, [drawn])


def still(  # noqa: PLR0913 - all that one picture is made of
    slice_: xr.Dataset,
    path: xr.Dataset | None,
    form: str,
    *,
    variable: str = "loss",
    split: str = "train",
    scale: str = "log",
    limits: tuple[float, float] | None = None,
    deep: bool = False,
    sentence: str = "",
) -> bytes:
    """A slice on paper with its caption, as the bytes of a `form`: PNG, SVG or PDF.

    A slice of two dimensions that is `deep` is drawn as a lit surface. The values `limits` have the
    first and the last colour; a `sentence` may stand above the caption, which is all that the
    attributes tell; the other arguments are those of `figure_png`.
    """
    from matplotlib import rc_context  # takes half a second to import
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    below = Words(sentence, caption(slice_))
    with rc_context(SIZES):
        paper = Figure(figsize=(WIDTH, HEIGHT + below.height), layout="constrained")
        FigureCanvasAgg(paper)
        if "beta" not in slice_.dims:
            line_on(paper, slice_, scale)
            mark_given(paper.axes[0], slice_)
        elif deep:
            _relief(paper, slice_, path, variable, split, (scale, limits))
        else:
            _plane(paper, slice_, path, variable, split, (scale, limits))
        content = io.BytesIO()
        below.write(paper, content, form)
    return content.getvalue()


def map_png(found: xr.Dataset, path: xr.Dataset | None, target: Path) -> None:
    """Draw the `ratio` |λ min / λ max| (beta, alpha) of a map of convexity into a file.

    Args:
        found: as `landscape_core.analysis.convexity_map` gives it.
        path: alpha and beta by step, or None.
        target: the file to write, PNG, SVG or PDF by its suffix.
    """
    from matplotlib import rc_context  # takes half a second to import
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from landscape_core.storage import atomic_files

    with rc_context(SIZES):
        below = Words("", caption(found))
        paper = Figure(figsize=(WIDTH, HEIGHT + below.height), layout="constrained")
        FigureCanvasAgg(paper)
        axes = paper.add_subplot()
        shown = found["ratio"]
        heights_on(axes, shown, "|λ min / λ max| of the full Hessian; 0: convex", "linear")
        if path is not None:
            path_on(axes, path, None)
        alpha, beta = shown["alpha"], shown["beta"]
        axes.set(xlim=alpha[[0, -1]], ylim=beta[[0, -1]], xlabel=named(alpha), ylabel=named(beta))
        content = io.BytesIO()
        below.write(paper, content, target.suffix[1:])
    atomic_files.write(target, [content.getvalue()])


def web_page(  # noqa: PLR0913 - all that one page is made of
    slice_: xr.Dataset,
    path: xr.Dataset | None,
    *,
    variable: str = "loss",
    split: str = "train",
    scale: str = "log",
    limits: tuple[float, float] | None = None,
    relief: str = "",
    deep: bool = False,
) -> str:
    """A page with the slice to look at with the pointer; it asks nothing of any network.

    A slider moves along the path, which is as `sliders.walk` gives it. The `relief` is the HTML of
    another view of the slice, which is shown at first if that is `deep`; the other arguments are
    those of `still`.
    """
    rows: list[Any] = []
    if "beta" in slice_.dims:
        view = Contour()
        view.update(slice_, None, variable=variable, split=split, scale=scale, limits=limits)
        for number, other in others(slice_):
            color = theme.CLASSES[(number - 1) % len(theme.CLASSES)]
            view.add_path(f"run {number}", other, color)
        given_points.mark_given(view.figure, slice_)
        drawn: Any = view.figure
        if path is not None:
            rows = Along(view.figure, path, slice_.attrs.get("seen")).rows
    else:
        plots = profiles(slice_, scale)
        given_points.mark_given(plots[0], slice_)
        drawn = column(plots, sizing_mode="stretch_both")
    drawn.update(sizing_mode="stretch_width", height=TALL)
    note = Div(text=caption(slice_), styles={"color": theme.MUTED, "font": f"12px {theme.FONT}"})
    below = column(*rows, note, sizing_mode="stretch_width")
    # Bokeh's own scripts alone: where Panel is loaded, `file_html` adds some that must be fetched.
    raw = Resources(mode="inline", components=["bokeh", "bokeh-widgets"]).js_raw
    script, (flat, rest) = components((drawn, below))
    picture = BOTH.format(flat=flat, deep=relief, first=int(deep)) if relief else flat
    return PAGE.format(
        scripts="".join(f"<script>{text}</script>" for text in raw) + script,
        body=picture + rest,
        font=theme.FONT,
        ink=theme.INK,
        edge=theme.FRAME,
        accent=theme.ACCENT,
        height=TALL,
    )


def _plane(
    paper: Any,
    slice_: xr.Dataset,
    path: xr.Dataset | None,
    variable: str,
    split: str,
    colors: Colors,
) -> None:
    """Colours with their bar, lines of equal height with values, the path and the lowest point."""
    shown = slice_[variable].sel(split=split)
    alpha, beta, raw = shown["alpha"].values, shown["beta"].values, shown.values
    axes = paper.add_subplot()
    heights_on(axes, shown, f"{part_of(split)} {variable}", *colors, avoid=path)
    for number, other in others(slice_):
        other_on(axes, number, other)
    if path is not None:
        path_on(axes, path, slice_.attrs.get("seen"))
    mark_given(axes, slice_)
    low = lowest(raw, alpha, beta) if variable == "loss" else None
    if low is not None:
        axes.plot(*low, "x", color=theme.HALO, markersize=8, markeredgewidth=3.2)
        axes.plot(*low, "x", color="#ffffff", markersize=7, markeredgewidth=1.5, label="lowest")
    axes.set(xlim=alpha[[0, -1]], ylim=beta[[0, -1]])
    axes.set(xlabel=named(shown["alpha"]), ylabel=named(shown["beta"]))
    _key(axes)


def _relief(
    paper: Any,
    slice_: xr.Dataset,
    path: xr.Dataset | None,
    variable: str,
    split: str,
    colors: Colors,
) -> None:
    """A lit surface with the path above it."""
    shown = slice_[variable].sel(split=split)
    scale, limits = colors
    title = f"{part_of(split)} {variable}"
    axes = relief_on(paper, shown, title, scale, smooth=True, limits=limits)
    if path is not None:
        path_on(axes, path, slice_.attrs.get("seen"), above(shown, path, *colors))
    axes.set(xlabel=named(shown["alpha"]), ylabel=named(shown["beta"]))
    _key(axes)


def _key(axes: Any) -> None:
    if axes.get_legend_handles_labels()[0]:
        axes.legend(
            loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=7, fontsize=7.5, frameon=True,
            facecolor="#dfe4e7", edgecolor="none", handletextpad=0.4,
            columnspacing=1.2, handlelength=1.4,
        )  # fmt: skip


def heights_on(
    axes: Any,
    shown: xr.DataArray,
    title: str,
    scale: str,
    limits: tuple[float, float] | None = None,
    avoid: xr.Dataset | None = None,
) -> None:
    """Draw heights (beta, alpha) as colours with their bar and lines of equal height.

    The first and the last colour are those of the values `limits`; by default they follow. The
    values of the lines keep off a path that they are to `avoid`.
    """
    from matplotlib.colors import ListedColormap

    alpha, beta = shown["alpha"].values, shown["beta"].values
    heights = theme.decimal_log(shown.values) if scale == "log" else shown.values
    low, high = spanned(heights, limits, scale)
    fine, holes = finer(heights)
    drawn = np.ma.masked_array(fine, holes)
    image = axes.imshow(
        drawn, origin="lower", aspect="auto", vmin=low, vmax=high, interpolation="bilinear",
        extent=(alpha[0], alpha[-1], beta[0], beta[-1]), cmap=ListedColormap(theme.LANDSCAPE),
    )  # fmt: skip
    if holes.any():
        grey = {"facecolor": theme.NOT_FINITE, "edgecolor": theme.NOT_FINITE_STRIPE}
        axes.patch.set(hatch="////", **grey)
        axes.fill([], [], hatch="////", label="not finite", **grey)
    levels = theme.levels(low, high, scale)
    if len(levels) and np.ptp(fine) > 0:
        dark = levels >= levels[len(levels) // 2]
        sides = [
            np.linspace(s[0], s[-1], n) for s, n in ((alpha, fine.shape[1]), (beta, len(fine)))
        ]
        colors = np.where(dark, f"{theme.HALO}88", "#ffffffaa").tolist()
        lines = axes.contour(*sides, drawn, levels=levels, colors=colors, linewidths=0.7)
        words = dict(zip(levels.tolist(), theme.words(levels, scale), strict=True))
        places = apart(lines.allsegs, (axes.get_xlim(), axes.get_ylim()), avoid)
        if places:
            axes.clabel(lines, fmt=words, fontsize=7.5, manual=places)
    cut = bool((heights[np.isfinite(heights)] > high).any())
    ticks = theme.ticks(low, high, scale, cut=cut)
    bar = axes.figure.colorbar(image, ax=axes, label=title, pad=0.02)
    bar.set_ticks(list(ticks), labels=list(ticks.values()))
    bar.outline.set_visible(False)

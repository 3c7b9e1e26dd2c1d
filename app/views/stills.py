"""Pictures of a slice for files: on paper by matplotlib, a page without network by Bokeh."""

import json
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from bokeh.embed import components
from bokeh.layouts import column
from bokeh.models import Div
from bokeh.plotting import figure
from bokeh.resources import Resources

from app import theme
from app.views.annotations import dots, lowest
from app.views.contour import Contour
from app.views.pixels import finer

Array = npt.NDArray[np.floating[Any]]

PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Loss landscape</title>{}</head>
<body style="margin: 16px">{}</body></html>
"""

WIDTH, HEIGHT, DOTS_PER_INCH = 6.4, 5.4, 200
RECIPES = ("dataset", "architecture", "loss", "optimizer", "directions")
NUMBERS = ("batch_size", "steps", "seed")
SIZES: Any = {"font.size": 9, "font.family": "sans-serif", "axes.edgecolor": theme.FRAME}


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
    from matplotlib import rc_context  # takes half a second to import
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with rc_context(SIZES):
        paper = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
        FigureCanvasAgg(paper)
        if "beta" in slice_.dims:
            _plane(paper, slice_, path, variable, split, scale)
        else:
            _line(paper, slice_, scale)
        words = "\n".join(textwrap.wrap(caption(slice_), 110))
        paper.supxlabel(words, fontsize=6.5, color=theme.MUTED, x=0.01, ha="left")
        paper.savefig(target, dpi=DOTS_PER_INCH)


def map_png(found: xr.Dataset, path: xr.Dataset | None, target: Path) -> None:
    """Draw the `ratio` |λ min / λ max| (beta, alpha) of a map of convexity into a file.

    Args:
        found: as `landscape_core.convexity` gives it.
        path: alpha and beta by step, or None.
        target: the file to write, PNG, SVG or PDF by its suffix.
    """
    from matplotlib import rc_context  # takes half a second to import
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with rc_context(SIZES):
        paper = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
        FigureCanvasAgg(paper)
        axes = paper.add_subplot()
        shown = found["ratio"]
        heights_on(axes, shown, "|λ min / λ max| of the full Hessian; 0: convex", "linear")
        if path is not None:
            _path(axes, path)
        alpha, beta = shown["alpha"], shown["beta"]
        axes.set(xlim=alpha[[0, -1]], ylim=beta[[0, -1]], xlabel=_named(alpha), ylabel=_named(beta))
        words = "\n".join(textwrap.wrap(caption(found), 110))
        paper.supxlabel(words, fontsize=6.5, color=theme.MUTED, x=0.01, ha="left")
        paper.savefig(target, dpi=DOTS_PER_INCH)


def figure_html(
    slice_: xr.Dataset,
    path: xr.Dataset | None,
    target: Path,
    *,
    variable: str = "loss",
    split: str = "train",
    scale: str = "log",
) -> None:
    """Write a page with the slice to look at with the pointer; it asks nothing of any network.

    The arguments are those of `figure_png`.
    """
    if "beta" in slice_.dims:
        view = Contour()
        view.update(slice_, path, variable=variable, split=split, scale=scale)
        for number, other in others(slice_):
            color = theme.CLASSES[(number - 1) % len(theme.CLASSES)]
            view.add_path(f"run {number}", other, color)
        drawn: Any = view.figure
    else:
        drawn = column(_profiles(slice_, scale), sizing_mode="stretch_both")
    drawn.update(sizing_mode="stretch_width", height=620)
    note = Div(text=caption(slice_), styles={"color": theme.MUTED, "font": f"12px {theme.FONT}"})
    layout = column(drawn, note, sizing_mode="stretch_width", styles={"max-width": "820px"})
    # Bokeh's own scripts alone: where Panel is loaded, `file_html` adds some that must be fetched.
    raw = Resources(mode="inline", components=["bokeh", "bokeh-widgets"]).js_raw
    scripts = "".join(f"<script>{text}</script>" for text in raw)
    script, division = components(layout)
    target.write_text(PAGE.format(scripts + script, division), encoding="utf-8")


def caption(slice_: xr.Dataset) -> str:
    """What the slice is of, as its attributes tell, and how much of it was computed."""
    told = []
    look = json.loads(slice_.attrs.get("look", "{}"))
    run = look.get("run", {})
    for part in (run.get("problem", {}), run, look):
        told += [f"{name} {_recipe(part[name])}" for name in RECIPES if name in part]
    told += [f"{name.replace('_', ' ')} {run[name]}" for name in NUMBERS if name in run]
    for name in ("batch_norm", "examples", "explained", "engine_version"):
        given = slice_.attrs.get(name)
        if given is not None and np.size(given):
            told.append(f"{name.replace('_', ' ')} {', '.join(map(_short, np.ravel(given)))}")
    if "computed" in slice_:
        computed = slice_["computed"].values
        told.append(f"{int(computed.sum())} of {computed.size} points computed")
        if "estimated_error" in slice_.attrs:
            error = float(slice_.attrs["estimated_error"])
            told.append(f"others within an estimated {error:.2%} of the range of the loss")
    values = slice_["loss" if "loss" in slice_ else "ratio"].values
    broken = int((~np.isfinite(values)).sum())
    return " · ".join([*told, *([f"{broken} values not finite"] if broken else [])])


def _recipe(plain: dict[str, Any]) -> str:
    """A recipe in one line: `sgd (learning rate 0.1, weight decay 0)`."""
    rest = {name: given for name, given in plain.items() if name != "kind"}
    fields = (
        f"{name.replace('_', ' ')} {_recipe(given) if isinstance(given, dict) else _short(given)}"
        for name, given in rest.items()
    )
    return f"{plain.get('kind', '')} ({', '.join(fields)})" if rest else str(plain.get("kind", ""))


def _short(given: Any) -> str:
    return f"{given:.3g}" if isinstance(given, float) else str(given)


def _plane(
    paper: Any, slice_: xr.Dataset, path: xr.Dataset | None, variable: str, split: str, scale: str
) -> None:
    """Colours with their bar, lines of equal height with values, the path and the lowest point."""
    shown = slice_[variable].sel(split=split)
    alpha, beta, raw = shown["alpha"].values, shown["beta"].values, shown.values
    axes = paper.add_subplot()
    heights_on(axes, shown, f"{_part(split)} {variable}", scale)
    for number, other in others(slice_):
        _other(axes, number, other)
    if path is not None:
        _path(axes, path)
    low = lowest(raw, alpha, beta) if variable == "loss" else None
    if low is not None:
        axes.plot(*low, "x", color=theme.HALO, markersize=8, markeredgewidth=3.2)
        axes.plot(*low, "x", color="#ffffff", markersize=7, markeredgewidth=1.5, label="lowest")
    axes.set(xlim=alpha[[0, -1]], ylim=beta[[0, -1]])
    axes.set(xlabel=_named(shown["alpha"]), ylabel=_named(shown["beta"]))
    if axes.get_legend_handles_labels()[0]:
        axes.legend(
            loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=5, fontsize=7.5, frameon=True,
            facecolor="#dfe4e7", edgecolor="none", handletextpad=0.2, columnspacing=1.2,
        )  # fmt: skip


def heights_on(axes: Any, shown: xr.DataArray, title: str, scale: str) -> None:
    """Draw heights (beta, alpha) as colours with their bar and lines of equal height."""
    from matplotlib.colors import ListedColormap

    alpha, beta = shown["alpha"].values, shown["beta"].values
    heights = theme.decimal_log(shown.values) if scale == "log" else shown.values
    low, high = theme.limits(heights)
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
        axes.clabel(lines, fmt=words, fontsize=6.5)
    cut = bool((heights[np.isfinite(heights)] > high).any())
    ticks = theme.ticks(low, high, scale, cut=cut)
    bar = axes.figure.colorbar(image, ax=axes, label=title, pad=0.02)
    bar.set_ticks(list(ticks), labels=list(ticks.values()))
    bar.outline.set_visible(False)


def _path(axes: Any, path: xr.Dataset) -> None:
    x, y = path["alpha"].values, path["beta"].values
    there = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    axes.plot(x, y, color=theme.HALO, alpha=0.7, linewidth=3.2, solid_joinstyle="round")
    axes.plot(x, y, color=theme.PATH, linewidth=1.6, solid_joinstyle="round")
    every, dotted = dots(path["step"].values)
    signs = {"markeredgecolor": theme.HALO, "linestyle": ""}
    if dotted:
        axes.plot(x[dotted], y[dotted], ".", color=theme.HALO, markeredgewidth=0.0, markersize=4,
                  linestyle="", label=f"every {every} steps")  # fmt: skip
    if len(there):
        first, last = there[0], there[-1]
        axes.plot(x[first], y[first], "o", color="#ffffff", markersize=6, label="start", **signs)
        axes.plot(x[last], y[last], "o", color=theme.CURRENT, markersize=8, label="end",
                  markeredgecolor="#ffffff", linestyle="")  # fmt: skip


def others(slice_: xr.Dataset) -> list[tuple[int, xr.Dataset]]:
    """The other runs on a slice: numbers from 2 on, and alpha, beta and distance by step."""
    if "other_alpha" not in slice_ or "other_beta" not in slice_:
        return []
    names = {f"other_{name}": name for name in ("alpha", "beta", "distance")}
    found = slice_[list(names)].drop_vars(["alpha", "beta"], errors="ignore")
    runs = [found.isel(run=i).dropna("step") for i in range(found.sizes["run"])]
    return [(number, run.rename(names)) for number, run in enumerate(runs, 2)]


def _other(axes: Any, number: int, path: xr.Dataset) -> None:
    color = theme.CLASSES[(number - 1) % len(theme.CLASSES)]
    x, y = path["alpha"].values, path["beta"].values
    axes.plot(x, y, color=theme.HALO, alpha=0.7, linewidth=3.2, solid_joinstyle="round")
    axes.plot(x, y, color=color, linewidth=1.6, solid_joinstyle="round", label=f"run {number}")
    axes.plot(x[-1:], y[-1:], "o", color=color, markersize=7, markeredgecolor="#ffffff")


def _line(paper: Any, slice_: xr.Dataset, scale: str) -> None:
    """The loss along a line, above the accuracy if there is one."""
    names = [name for name in ("loss", "accuracy") if name in slice_]
    all_axes = np.atleast_1d(
        paper.subplots(len(names), sharex=True, gridspec_kw={"height_ratios": (2, 1)[: len(names)]})
    )
    alpha = slice_["alpha"].values
    for axes, name in zip(all_axes, names, strict=True):
        for split in slice_["split"].values:
            values = slice_[name].sel(split=split).values
            axes.plot(alpha, np.where(np.isfinite(values), values, np.nan), label=_part(split),
                      color=theme.SPLITS.get(split, theme.MUTED), linewidth=1.8)  # fmt: skip
        for broken in alpha[~np.isfinite(slice_[name].values).all(axis=0)]:
            half = (alpha[1] - alpha[0]) / 2
            axes.axvspan(
                broken - half, broken + half, color=theme.NOT_FINITE, linewidth=0, zorder=0
            )
        axes.set_ylabel(name)
        axes.grid(color=theme.GRID)
        axes.spines[["top", "right"]].set_visible(False)
    if scale == "log" and _positive(slice_):
        all_axes[0].set_yscale("log")
    all_axes[0].legend(frameon=False)
    all_axes[-1].set_xlabel(_named(slice_["alpha"]))


def _profiles(slice_: xr.Dataset, scale: str) -> list[Any]:
    plots = []
    for name in (name for name in ("loss", "accuracy") if name in slice_):
        logged = name == "loss" and scale == "log" and _positive(slice_)
        plot = figure(
            y_axis_type="log" if logged else "linear", y_axis_label=name, height=300,
            x_axis_label=_named(slice_["alpha"]), sizing_mode="stretch_width",
            tools="pan,wheel_zoom,reset,save,hover", tooltips=[("α", "$x"), (name, "$y")],
        )  # fmt: skip
        for split in slice_["split"].values:
            values = slice_[name].sel(split=split).values
            plot.line(
                slice_["alpha"].values, np.where(np.isfinite(values), values, np.nan), width=2,
                color=theme.SPLITS.get(split, theme.MUTED), legend_label=_part(split),
            )  # fmt: skip
        theme.style(plot)
        theme.key(plot.legend[0])
        plots.append(plot)
    return plots


def _positive(slice_: xr.Dataset) -> bool:
    finite = slice_["loss"].values[np.isfinite(slice_["loss"].values)]
    return bool(finite.size and (finite > 0).all())


def _named(axis: xr.DataArray) -> str:
    return str(axis.attrs.get("long_name", axis.name))


def _part(split: str) -> str:
    return "training" if split == "train" else split

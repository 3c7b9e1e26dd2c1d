"""The way from one minimum to another on paper: the loss along it, and the plane of the curve."""

import io
from pathlib import Path
from typing import Any

import xarray as xr

from landscape_lab.figures import theme
from landscape_lab.figures.matplotlib.stills import DOTS_PER_INCH, SIZES, heights_on

WIDTH, HEIGHT = 9.0, 3.9
"""Inches."""

LINES = {
    "straight_": ("straight line", theme.SPLITS["test"], "dashed"),
    "aligned_": ("line after aligning", theme.CLASSES[3], "dotted"),
    "": ("curve", theme.SPLITS["train"], "solid"),
}
"""What is drawn by the beginning of its name: words, colour, and kind of line."""


def way_png(
    connection: xr.Dataset, target: Path, *, split: str = "train", scale: str = "log"
) -> None:
    """Draw a connection into a file, as PNG, SVG or PDF by its suffix.

    Args:
        connection: losses (split, t) and barriers; with `plane_loss` (split, beta, alpha), the
            plane is drawn too.
        target: the file to write.
        split: which part of the data.
        scale: `log` or `linear` heights of the plane.
    """
    from matplotlib import rc_context  # takes half a second to import

    from landscape_core.storage import atomic_files

    content = io.BytesIO()
    with rc_context(SIZES):
        paper = way(connection, split, scale)
        paper.savefig(content, format=target.suffix[1:] or "png", dpi=DOTS_PER_INCH)
    atomic_files.write(target, [content.getvalue()])


def way(connection: xr.Dataset, split: str, scale: str) -> Any:
    """The matplotlib figure of a connection; the arguments are those of `way_png`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    wide = "plane_loss" in connection
    shown = connection.sel(split=split)
    paper = Figure(figsize=(WIDTH if wide else WIDTH / 2, HEIGHT), layout="constrained")
    FigureCanvasAgg(paper)
    places = paper.subplots(1, 1 + wide, squeeze=False)[0]
    _profile(places[0], shown, split)
    if wide:
        _plane(places[1], shown, split, scale)
    return paper


def _profile(axes: Any, shown: xr.Dataset, split: str) -> None:
    for prefix, (words, color, dash) in LINES.items():
        if f"{prefix}loss" in shown:
            barrier = float(shown[f"{prefix}barrier"])
            axes.plot(
                shown["t"], shown[f"{prefix}loss"], color=color, linestyle=dash, linewidth=1.8,
                label=f"{words}, barrier {barrier:.3g}",
            )  # fmt: skip
    axes.set(xlim=(0, 1), xlabel="from the first run's end to the second's")
    axes.set_ylabel("training loss" if split == "train" else f"{split} loss")
    axes.grid(color=theme.GRID)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), fontsize=7.5)


def _plane(axes: Any, shown: xr.Dataset, split: str, scale: str) -> None:
    part = "training" if split == "train" else split
    heights_on(axes, shown["plane_loss"], f"{part} loss over the curve's plane", scale)
    x, y = shown["curve_alpha"].values, shown["curve_beta"].values
    axes.plot([0, 1], [0, 0], color=theme.PATH, linewidth=1.2, linestyle="dashed")
    for color, width in ((theme.HALO, 3.4), (theme.PATH, 1.8)):
        axes.plot(x, y, color=color, linewidth=width)
    axes.plot(
        [0, 1], [0, 0], "o", color=theme.CURRENT, markersize=7, markeredgecolor="#ffffff",
        clip_on=False,
    )  # fmt: skip
    for place, words in ((0, "first"), (1, "second")):
        axes.annotate(
            words, (place, 0), xytext=(0, -13), textcoords="offset points", ha="center",
            fontsize=7.5, color="#ffffff",
            bbox={"facecolor": theme.HALO, "alpha": 0.55, "edgecolor": "none", "pad": 1.5},
        )  # fmt: skip
    axes.set(xlabel="along the straight line", ylabel="at right angles, in the same unit")

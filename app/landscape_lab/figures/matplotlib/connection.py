"""A connection of two minima: the loss along each line, and the plane of the curve."""

from typing import Any, ClassVar

import xarray as xr

from landscape_lab.figures import theme
from landscape_lab.figures.annotations import part_of
from landscape_lab.figures.matplotlib.base import Drawing, Place, PlotOptions
from landscape_lab.figures.matplotlib.curves import finish
from landscape_lab.figures.matplotlib.heights import heights_on

WIDTH, HEIGHT = 9.0, 3.9
"""Inches with the plane; half as wide without."""

LINES = {
    "straight_": ("straight line", theme.SPLITS["test"], "dashed"),
    "aligned_": ("line after aligning", theme.CLASSES[3], "dotted"),
    "": ("curve", theme.SPLITS["train"], "solid"),
}
"""What is drawn by the beginning of its name: words, colour, and kind of line."""


class Connection(Drawing[xr.Dataset]):
    """Losses along the lines with their barriers, and next to them the plane, if there is one."""

    rank: ClassVar[int] = 30
    needs: ClassVar[str] = "a connection: loss and straight_loss (split, t)"

    def draws(self, dataset: object) -> bool:
        return isinstance(dataset, xr.Dataset) and all(
            name in dataset and "t" in dataset[name].dims for name in ("loss", "straight_loss")
        )

    def variables(self, dataset: xr.Dataset) -> list[str]:
        return []

    def size(self, dataset: xr.Dataset) -> tuple[float, float]:
        return (WIDTH if _has_plane(dataset) else WIDTH / 2), HEIGHT

    def draw(self, place: Place, dataset: xr.Dataset, options: PlotOptions) -> Any:
        shown = dataset.sel(split=options.split) if "split" in dataset.dims else dataset
        if not _has_plane(dataset):
            return _profile(place.axes(), shown, options)
        left, right = place.panels(1, 2)[0]
        _plane(right, shown, options)
        return _profile(left, shown, options)


def _has_plane(connection: xr.Dataset) -> bool:
    return {"plane_loss", "curve_alpha", "curve_beta"} <= set(connection)


def _profile(axes: Any, shown: xr.Dataset, options: PlotOptions) -> Any:
    for prefix, (words, color, dash) in LINES.items():
        if f"{prefix}loss" in shown:
            barrier = f"{prefix}barrier"
            told = f", barrier {float(shown[barrier]):.3g}" if barrier in shown else ""
            axes.plot(
                shown["t"], shown[f"{prefix}loss"], color=color, linestyle=dash, linewidth=1.8,
                label=f"{words}{told}",
            )  # fmt: skip
    axes.set(xlim=(0, 1), xlabel="t, from the first minimum to the second")
    finish(axes, f"{part_of(options.split)} loss".strip(), options)
    axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), fontsize=7.5)
    return axes


def _plane(axes: Any, shown: xr.Dataset, options: PlotOptions) -> None:
    title = f"{part_of(options.split)} loss over the curve's plane".strip()
    heights_on(axes, shown["plane_loss"].transpose("beta", "alpha"), title, options)
    x, y = shown["curve_alpha"].values, shown["curve_beta"].values
    if options.path:
        axes.plot([0, 1], [0, 0], color=theme.PATH, linewidth=1.2, linestyle="dashed")
        for color, width in ((theme.HALO, 3.4), (theme.PATH, 1.8)):
            axes.plot(x, y, color=color, linewidth=width)
    axes.plot(
        [0, 1], [0, 0], "o", color=theme.CURRENT, markersize=7, markeredgecolor="#ffffff",
        clip_on=False, zorder=5,
    )  # fmt: skip
    for place, words in ((0, "first"), (1, "second")):
        axes.annotate(
            words, (place, 0), xytext=(0, -13), textcoords="offset points", ha="center",
            fontsize=7.5, color="#ffffff",
            bbox={"facecolor": theme.HALO, "alpha": 0.55, "edgecolor": "none", "pad": 1.5},
        )  # fmt: skip
    axes.set(xlabel="along the straight line", ylabel="at right angles, in the same unit")

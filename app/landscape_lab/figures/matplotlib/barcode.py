"""A persistence barcode: one bar for each minimum or loop of a slice, from its birth to its death.

Bars that the error of the loss may explain are pale and dotted; a bar that never ends has an arrow.
"""

from typing import Any, ClassVar

import numpy as np
import xarray as xr

from landscape_lab.figures import theme
from landscape_lab.figures.matplotlib.base import Drawing, Place, PlotOptions
from landscape_lab.figures.matplotlib.paper import HEIGHT, WIDTH
from landscape_lab.figures.topology import (
    Bars,
    barcode_of,
    bars,
    is_barcode,
    is_slice,
    scale_for,
    summary,
    ticks,
)

SOLID: dict[str, Any] = {"color": theme.ACCENT, "linewidth": 2.2}
PALE: dict[str, Any] = {"color": theme.MUTED, "linewidth": 1.3, "linestyle": ":", "alpha": 0.8}
"""Lines of significant bars, and of others."""


class Barcode(Drawing[xr.Dataset]):
    """The barcode of a slice or of `persistence`; of a slice, where it is asked for."""

    rank: ClassVar[int] = 110
    needs: ClassVar[str] = "a slice: loss (split, beta, alpha); or a barcode: birth and death (bar)"

    def draws(self, dataset: object) -> bool:
        return is_barcode(dataset) or is_slice(dataset)

    def variables(self, dataset: xr.Dataset) -> list[str]:
        return []

    def size(self, dataset: xr.Dataset) -> tuple[float, float]:
        return WIDTH, HEIGHT

    def draw(self, place: Place, dataset: xr.Dataset, options: PlotOptions) -> Any:
        axes = place.axes()
        barcode_on(axes, barcode_of(dataset, options.split), options.scale, options.limits)
        return axes


def barcode_on(
    axes: Any,
    barcode: xr.Dataset,
    scale: str = "linear",
    limits: tuple[float, float] | None = None,
) -> None:
    """Draw the longest bars of a barcode, the longest above.

    Args:
        axes: of Matplotlib.
        barcode: as `landscape_core.analysis.persistence` gives it.
        scale: `log` or `linear` heights; linear where a loss is not positive.
        limits: losses at the ends of the axis; by default all bars are seen.
    """
    scale = scale_for(barcode["birth"].values, scale)
    found = bars(barcode, scale)
    level = np.arange(len(found.birth))[::-1]
    draw_lines(axes, found, np.stack([np.stack([found.birth, found.death], 1),
                                      np.stack([level, level], 1)], axis=2))  # fmt: skip
    mark_minima(axes, found, found.birth, level)
    for row in np.flatnonzero(found.endless).tolist():
        axes.plot(found.death[row], level[row], ">", clip_on=False, markersize=6,
                  color=SOLID["color"])  # fmt: skip
    ends = ends_of(found.limits, limits, scale)
    name_heights(axes.xaxis, ends, scale)
    axes.set(xlim=ends, ylim=(-0.8, max(1, len(level)) - 0.2))
    kind = "minima" if barcode.attrs["dimension"] == 0 else "loops"
    axes.set_ylabel(f"{kind}, the most persistent above")
    axes.set_yticks([])
    finish(axes, barcode)


def draw_lines(axes: Any, found: Bars, lines: Any) -> None:
    """Draw lines (bars, points, 2), the pale ones below the others."""
    from matplotlib.collections import LineCollection  # takes half a second to import

    for keep, look, above in ((~found.significant, PALE, 2), (found.significant, SOLID, 3)):
        axes.add_collection(LineCollection(list(lines[keep]), zorder=above, **look))


def mark_minima(axes: Any, found: Bars, across: Any, up: Any) -> None:
    """Mark the births: filled where significant, else hollow."""
    for keep, fill, look in (
        (~found.significant, theme.SURFACE, PALE),
        (found.significant, theme.ACCENT, SOLID),
    ):
        axes.plot(
            np.asarray(across)[keep], np.asarray(up)[keep], "o", markersize=5.5, zorder=4,
            markerfacecolor=fill, markeredgecolor=look["color"],
        )  # fmt: skip


def ends_of(
    limits: tuple[float, float], asked: tuple[float, float] | None, scale: str
) -> tuple[float, float]:
    """The ends of an axis of heights: those of the losses that were asked for, if any were."""
    if asked is None:
        return limits
    low, high = asked
    return (float(np.log10(low)), float(np.log10(high))) if scale == "log" else (low, high)


def name_heights(axis: Any, limits: tuple[float, float], scale: str) -> None:
    """Name losses along an axis of heights."""
    named = ticks(limits, scale)
    axis.set_ticks(list(named), labels=list(named.values()))
    axis.set_label_text("loss")


def finish(axes: Any, barcode: xr.Dataset | None) -> None:
    """Say how many bars there are above the Axes, and give it the look of all of ours."""
    if barcode is not None:
        words = "\n".join(summary(barcode))
        axes.set_title(words, loc="left", fontsize="medium", color=theme.MUTED)
    axes.grid(color=theme.GRID)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)

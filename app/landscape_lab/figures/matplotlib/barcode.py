"""A persistence barcode: one bar for each minimum or loop of a slice, from its birth to its death.

Bars that the error of the loss may explain are pale and dotted; a bar that never ends has an arrow.
"""

from typing import Any

import numpy as np
import xarray as xr

from landscape_lab.figures import theme
from landscape_lab.figures.topology import Bars, bars, scale_for, ticks, told

SOLID: dict[str, Any] = {"color": theme.ACCENT, "linewidth": 2.2}
PALE: dict[str, Any] = {"color": theme.MUTED, "linewidth": 1.3, "linestyle": ":", "alpha": 0.8}
"""Lines of significant bars, and of others."""


def barcode_on(axes: Any, barcode: xr.Dataset, scale: str = "linear") -> None:
    """Draw the longest bars of a barcode, the longest above.

    Args:
        axes: of Matplotlib.
        barcode: as `landscape_core.analysis.persistence` gives it.
        scale: `log` or `linear` heights; linear where a loss is not positive.
    """
    scale = scale_for(barcode, scale)
    found = bars(barcode, scale)
    level = np.arange(len(found.birth))[::-1]
    draw_lines(axes, found, np.stack([np.stack([found.birth, found.death], 1),
                                      np.stack([level, level], 1)], axis=2))  # fmt: skip
    mark_minima(axes, found, found.birth, level)
    for row in np.flatnonzero(found.endless).tolist():
        axes.plot(found.death[row], level[row], ">", clip_on=False, markersize=6,
                  color=SOLID["color"])  # fmt: skip
    name_heights(axes.xaxis, found.limits, scale)
    axes.set(xlim=found.limits, ylim=(-0.8, max(1, len(level)) - 0.2))
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


def name_heights(axis: Any, limits: tuple[float, float], scale: str) -> None:
    """Name losses along an axis of heights."""
    named = ticks(limits, scale)
    axis.set_ticks(list(named), labels=list(named.values()))
    axis.set_label_text("loss")


def finish(axes: Any, barcode: xr.Dataset) -> None:
    """Say how many bars there are above the Axes, and give it the look of all of ours."""
    axes.set_title("\n".join(told(barcode)), loc="left", fontsize="medium", color=theme.MUTED)
    axes.grid(color=theme.GRID)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)

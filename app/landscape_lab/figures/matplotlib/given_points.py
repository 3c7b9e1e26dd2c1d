"""The given states of the network that a line or plane goes through, marked on paper."""

from typing import Any

import xarray as xr

from landscape_lab.figures import theme
from landscape_lab.figures.annotations import given_marks

DOT: Any = {
    "marker": "o", "color": theme.HALO, "markersize": 6, "markeredgecolor": "#ffffff",
    "linestyle": "none", "clip_on": False, "zorder": 6,
}  # fmt: skip


def mark_given(axes: Any, slice_: xr.Dataset) -> None:
    """Draw a dot and a name at each given state of a line or plane."""
    for name, x, y, right in given_marks(slice_):
        _mark(axes, name, x, y, right=right)


def _mark(axes: Any, name: str, x: float, y: float, *, right: bool) -> None:
    """Draw one, with its name towards the middle of the picture."""
    axes.plot([x], [y], **DOT)
    axes.annotate(
        name, (x, y), (-7 if right else 7, 6), textcoords="offset points", fontsize=7.5,
        ha="right" if right else "left", color="#ffffff", zorder=6,
        bbox={"boxstyle": "round,pad=0.15", "facecolor": theme.HALO, "alpha": 0.75, "linewidth": 0},
    )  # fmt: skip

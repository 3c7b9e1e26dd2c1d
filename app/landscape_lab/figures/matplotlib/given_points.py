"""The given states of the network that a line or plane goes through, marked on paper."""

from typing import Any

import numpy as np
import xarray as xr

from landscape_lab.figures import theme
from landscape_lab.figures.annotations import given_points

DOT: Any = {
    "marker": "o", "color": theme.HALO, "markersize": 6, "markeredgecolor": "#ffffff",
    "linestyle": "none", "clip_on": False, "zorder": 6,
}  # fmt: skip


def mark_on_plane(axes: Any, slice_: xr.Dataset) -> None:
    """Draw a dot and a name at each given state of a plane."""
    for name, (alpha, beta) in given_points(slice_):
        _mark(axes, name, alpha, beta, right=alpha > float(slice_["alpha"].mean()))


def mark_on_line(axes: Any, slice_: xr.Dataset) -> None:
    """Draw a dot and a name at each given state of a line, on the loss of the first split."""
    losses = slice_["loss"].isel(split=0)
    for name, (alpha,) in given_points(slice_):
        height = float(np.interp(alpha, losses["alpha"].values, losses.values))
        if np.isfinite(height):
            _mark(axes, name, alpha, height, right=alpha > float(slice_["alpha"].mean()))


def _mark(axes: Any, name: str, x: float, y: float, *, right: bool) -> None:
    """Draw one, with its name towards the middle of the picture."""
    axes.plot([x], [y], **DOT)
    axes.annotate(
        name, (x, y), (-7 if right else 7, 6), textcoords="offset points", fontsize=7.5,
        ha="right" if right else "left", color="#ffffff", zorder=6,
        bbox={"boxstyle": "round,pad=0.15", "facecolor": theme.HALO, "alpha": 0.75, "linewidth": 0},
    )  # fmt: skip

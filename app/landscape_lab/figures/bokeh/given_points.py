"""The given states of the network that a line or plane goes through, marked on a page."""

from typing import Any

import numpy as np
import xarray as xr

from landscape_lab.figures import theme
from landscape_lab.figures.annotations import given_points


def mark_on_plane(plot: Any, slice_: xr.Dataset) -> None:
    """Draw a dot and a name at each given state of a plane."""
    for name, (alpha, beta) in given_points(slice_):
        _mark(plot, name, alpha, beta, right=alpha > float(slice_["alpha"].mean()))


def mark_on_line(plot: Any, slice_: xr.Dataset) -> None:
    """Draw a dot and a name at each given state of a line, on the loss of the first split."""
    losses = slice_["loss"].isel(split=0)
    for name, (alpha,) in given_points(slice_):
        height = float(np.interp(alpha, losses["alpha"].values, losses.values))
        if np.isfinite(height):
            _mark(plot, name, alpha, height, right=alpha > float(slice_["alpha"].mean()))


def _mark(plot: Any, name: str, x: float, y: float, *, right: bool) -> None:
    """Draw one, with its name towards the middle of the picture."""
    plot.scatter([x], [y], size=9, fill_color=theme.HALO, line_color="#ffffff")
    plot.text(
        [x], [y], [name], x_offset=-8 if right else 8, y_offset=-6, padding=2,
        text_align="right" if right else "left", text_font_size="11px", text_color="#ffffff",
        background_fill_color=theme.HALO, background_fill_alpha=0.75,
    )  # fmt: skip

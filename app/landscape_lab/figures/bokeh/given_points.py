"""The given states of the network that a line or plane goes through, marked on a page."""

from typing import Any

import xarray as xr

from landscape_lab.figures import theme
from landscape_lab.figures.annotations import given_marks


def mark_given(plot: Any, slice_: xr.Dataset) -> None:
    """Draw a dot and a name at each given state of a line or plane."""
    for name, x, y, right in given_marks(slice_):
        _mark(plot, name, x, y, right=right)


def _mark(plot: Any, name: str, x: float, y: float, *, right: bool) -> None:
    """Draw one, with its name towards the middle of the picture."""
    plot.scatter([x], [y], size=9, fill_color=theme.HALO, line_color="#ffffff")
    plot.text(
        [x], [y], [name], x_offset=-8 if right else 8, y_offset=-6, padding=2,
        text_align="right" if right else "left", text_font_size="11px", text_color="#ffffff",
        background_fill_color=theme.HALO, background_fill_alpha=0.75,
    )  # fmt: skip

"""The given states of the network that a plane goes through, marked on a page."""

from typing import Any

import xarray as xr

from landscape_lab.figures import theme
from landscape_lab.figures.annotations import given_points


def mark(plot: Any, slice_: xr.Dataset) -> None:
    """Draw a dot and a name at each given state of a plane."""
    for name, (alpha, beta) in given_points(slice_):
        right = alpha > float(slice_["alpha"].mean())
        plot.scatter([alpha], [beta], size=9, fill_color=theme.HALO, line_color="#ffffff")
        plot.text(
            [alpha], [beta], [name], x_offset=-8 if right else 8, y_offset=-6,
            text_align="right" if right else "left", text_font_size="11px", text_color="#ffffff",
            background_fill_color=theme.HALO, background_fill_alpha=0.75, padding=2,
        )  # fmt: skip

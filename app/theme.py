"""How figures look: the one place for colours, type and the scale of heights."""

from typing import Any

import numpy as np
import numpy.typing as npt
from bokeh.models import ColumnDataSource
from bokeh.palettes import Viridis256

Array = npt.NDArray[np.floating[Any]]

LANDSCAPE = tuple(Viridis256)
"""Perceptually uniform and safe for colour-blind viewers."""

ACCENT = "#0f6e84"
INK = "#1d2a33"
MUTED = "#5d6b75"
GRID = "#e4e9ec"
SURFACE = "#ffffff"
CURRENT = "#ff5a36"
NOT_FINITE = "#b9c0c5"
SPLITS = {"train": "#0f6e84", "test": "#d9822b"}
CLASSES = ("#2b6cb0", "#e07b39", "#5aa469", "#8e63a8", "#c94f7c", "#7f6a4f", "#4fb0c6", "#a3a847",
           "#6b7280", "#d4a017")  # fmt: skip
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"

def limits(heights: Array) -> tuple[float, float]:
    """The range that colours and heights span: robust to peaks, and in round steps.

    The lowest value is always inside; the highest 4 % may be cut off. Rounding outward to a
    twentieth of the range keeps the scale still while the picture changes a little.
    """
    finite = heights[np.isfinite(heights)]
    if finite.size == 0:
        return 0.0, 1.0
    low, high = float(finite.min()), float(np.percentile(finite, 96))
    if high - low < 1e-9 * max(1.0, abs(low)):
        return low - 0.5, low + 0.5
    step = 10 ** np.floor(np.log10((high - low) / 5))
    return float(np.floor(low / step) * step), float(np.ceil(high / step) * step)


def decimal_log(values: Array) -> Array:
    """The decimal logarithm; NaN where there is none; infinity stays."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(values > 0, np.log10(values), np.nan))


def source(*columns: str) -> ColumnDataSource:
    """A data source with these columns, all empty."""
    return ColumnDataSource({name: [] for name in columns})


def style(figure: Any) -> None:
    """Give a Bokeh figure the quiet look of all of ours."""
    figure.toolbar.logo = None
    figure.toolbar.autohide = True
    figure.outline_line_color = None
    figure.background_fill_color = figure.border_fill_color = SURFACE
    figure.min_border = 4
    for axis in figure.axis:
        axis.axis_line_color = axis.major_tick_line_color = "#b7c0c7"
        axis.minor_tick_line_color = None
        axis.major_label_text_color = axis.axis_label_text_color = MUTED
        axis.major_label_text_font = axis.axis_label_text_font = FONT
        axis.major_label_text_font_size = "11px"
        axis.axis_label_text_font_size = "12px"
        axis.axis_label_text_font_style = "normal"
        axis.axis_label_standoff = 4
    for grid in figure.grid:
        grid.grid_line_color = GRID

"""How figures look: the one place for colours, type, and how values become heights and words."""

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from bokeh.palettes import Viridis256

if TYPE_CHECKING:
    from bokeh.models import ColumnDataSource

Array = npt.NDArray[np.floating[Any]]

LANDSCAPE = tuple(Viridis256)
"""Perceptually uniform and safe for colour-blind viewers."""

ACCENT = "#0f6e84"
INK = "#1d2a33"
MUTED = "#5d6b75"
GRID = "#e4e9ec"
FRAME = "#b7c0c7"
SURFACE = "#ffffff"

CURRENT = "#ff5a36"
PATH = "#ffffff"
HALO = "#10181d"
"""Drawn wider beneath `PATH`: the two are seen on every colour of the landscape."""

TIME = ("#ffffff", "#ffc09f", "#ff5a36")
"""Early to late along a path: each darker than the one before, all lighter than `HALO`."""

BEST = "#ffd84d"
LOOKED_AT = "#5ad1ff"

DIFFERENCE = ("#053061", "#2166ac", "#67a9cf", "#f7f7f7", "#ef8a62", "#b2182b", "#67001f")
"""Below, equal, above: distinguishable in every kind of colour blindness."""

NOT_FINITE = "#b9c0c5"
NOT_FINITE_STRIPE = "#8d979e"

SPLITS = {"train": "#0f6e84", "test": "#cf7820"}
BATCH = "#b4bfc6"
CLASSES = ("#2b6cb0", "#e07b39", "#117733", "#882255", "#c2a83e", "#56b4d3", "#cc6677", "#44aa99",
           "#999933", "#6b7280")  # fmt: skip
"""The first two differ for every kind of colour blindness; ten differ in lightness too."""

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"
SMALL = "11px"
NORMAL = "12px"

CUT = 96
"""The percentile of heights above which all have the highest colour."""

PROJECTOR = {
    "--scale": "1.35",
    "--edge": "2px",
    "--drawer": "1700px",
}
"""CSS properties of the document in projector mode: type larger, thick borders; the colours are
those of high contrast (`color_schemes`).

In a window narrower than `--drawer` the settings lie folded, so that the picture has the room.
"""


def limits(heights: Array) -> tuple[float, float]:
    """The range that colours and heights span: robust to peaks, and in round steps.

    The lowest value is always inside; the highest 4 % may be cut off. Rounding outward to a
    twentieth of the range keeps the scale still while the picture changes a little.
    """
    finite = heights[np.isfinite(heights)]
    if finite.size == 0:
        return 0.0, 1.0
    low, high = float(finite.min()), float(np.percentile(finite, CUT))
    if high - low < 1e-9 * max(1.0, abs(low)):
        half = 0.5 * max(1.0, abs(low))
        return low - half, low + half
    step = 10 ** np.floor(np.log10((high - low) / 5))
    return float(np.floor(low / step) * step), float(np.ceil(high / step) * step)


def range_of(heights: Array, fixed: tuple[float, float] | None, scale: str) -> tuple[float, float]:
    """The range that is fixed, as values; else, and where there is no logarithm, `limits`."""
    followed = limits(heights)
    if fixed is None:
        return followed
    low, high = fixed
    if scale == "log":
        low, high = (
            np.log10(end) if end > 0 else own for end, own in zip(fixed, followed, strict=True)
        )
    return (float(low), float(high)) if high > low else followed


def decimal_log(values: Array) -> Array:
    """The decimal logarithm; zero and less take that of the least positive value.

    What is not finite is not a zero: NaN and both infinities stay.
    """
    finite = np.isfinite(values)
    positive = finite & (values > 0)
    least = values[positive].min() if positive.any() else 1.0
    with np.errstate(invalid="ignore"):
        return np.asarray(np.log10(np.where(finite, np.maximum(values, least), 1.0))) + np.where(
            finite, 0.0, values
        )


def levels(low: float, high: float, scale: str) -> Array:
    """About ten heights strictly between two, each a round value; of the loss itself if `log`.

    Round values stay where they are while the range moves, and so do the lines drawn at them.
    """
    if scale != "log" or high - low < 1.0:
        ends = (10**low, 10**high) if scale == "log" else (low, high)
        step = _round_step(ends[1] - ends[0])
        values = step * np.arange(np.floor(ends[0] / step), np.ceil(ends[1] / step) + 1)
        if scale == "log":
            values = np.log10(values[values > 0])
    else:
        decades = np.arange(np.floor(low), np.ceil(high) + 1)
        values = (decades[:, None] + np.log10(_mantissas(high - low))).ravel()
        values = values[:: max(1, int(np.ceil((high - low) / 14)))]
    margin = 1e-6 * (high - low)
    return np.asarray(values[(values > low + margin) & (values < high - margin)])


def words(heights: Array, scale: str) -> list[str]:
    """Heights as people read them: the loss itself, also on a logarithmic scale.

    Three digits, or as many more as tell them apart.
    """
    with np.errstate(over="ignore"):  # beyond what a number holds is infinite
        values = np.power(10.0, heights) if scale == "log" else heights
    named: list[str] = []
    for digits in range(3, 9):
        named = [_word(float(value), digits) for value in values]
        if len(set(named)) == len(named):
            break
    return named


def ticks(low: float, high: float, scale: str, *, cut: bool) -> dict[float, str]:
    """Tick labels of a colour bar, with their words; `cut`: higher ones exist."""
    spaced: list[float] = []
    top = high - 0.06 * (high - low) if cut else np.inf
    for level in levels(low, high, scale).tolist():
        if level < top and (not spaced or level - spaced[-1] > 0.045 * (high - low)):
            spaced.append(level)
    if not cut:
        return dict(zip(spaced, words(np.array(spaced), scale), strict=True))
    # Two digits: enough for an end that follows the picture, and narrow.
    with np.errstate(over="ignore"):
        last = _word(float(np.power(10.0, high) if scale == "log" else high), 2)
    named = words(np.array(spaced), scale)
    return dict(zip([*spaced, high], [*named, f"≥ {last}"], strict=True))


def mixed(color: str, other: str, share: float) -> str:
    """A colour between two, `share` of the way to the other."""
    ends = [np.array([int(c[i : i + 2], 16) for i in (1, 3, 5)]) for c in (color, other)]
    red, green, blue = np.rint(ends[0] + share * (ends[1] - ends[0])).astype(int)
    return f"#{red:02x}{green:02x}{blue:02x}"


def ramp(colors: tuple[str, ...], count: int) -> list[str]:
    """So many colours along straight lines from the first to the last."""
    places = np.linspace(0, len(colors) - 1, count)
    parts = list(pairwise(colors))
    return [
        mixed(*parts[min(int(place), len(parts) - 1)], place - min(int(place), len(parts) - 1))
        for place in places
    ]


def source(*columns: str) -> "ColumnDataSource":
    """A data source of Bokeh with these columns, all empty."""
    from bokeh.models import ColumnDataSource  # files and links know our colours without it

    return ColumnDataSource({name: [] for name in columns})


def style(figure: Any) -> None:
    """Give a Bokeh figure the quiet look of all of ours."""
    figure.toolbar.logo = None
    figure.toolbar.autohide = True
    figure.outline_line_color = None
    figure.background_fill_color = figure.border_fill_color = SURFACE
    figure.min_border = 4
    for axis in figure.axis:
        axis.axis_line_color = axis.major_tick_line_color = FRAME
        axis.minor_tick_line_color = None
        axis.major_label_text_color = axis.axis_label_text_color = MUTED
        axis.major_label_text_font = axis.axis_label_text_font = FONT
        axis.major_label_text_font_size = SMALL
        axis.axis_label_text_font_size = NORMAL
        axis.axis_label_text_font_style = "normal"
        axis.axis_label_standoff = 4
    for grid in figure.grid:
        grid.grid_line_color = GRID


def key(legend: Any) -> None:
    """Give a Bokeh legend the look of all of ours: one line of small words."""
    legend.orientation = "horizontal"
    legend.label_text_font = FONT
    legend.label_text_font_size = SMALL
    legend.label_text_color = MUTED
    legend.label_standoff = 3
    legend.label_height = 14
    legend.glyph_height = legend.glyph_width = 20
    legend.background_fill_alpha = 0.0
    legend.border_line_color = None
    legend.padding = 2
    legend.margin = 0
    legend.spacing = 8


def _word(value: float, digits: int) -> str:
    if value == 0 or 1e-4 <= abs(value) < 1e6:
        return np.format_float_positional(value, precision=digits, fractional=False, trim="-")
    mantissa, _, power = f"{value:.{digits}g}".partition("e")
    return f"{mantissa}e{int(power)}" if power else mantissa


def _round_step(extent: float) -> float:
    """The step among 1, 2, 5 times a power of ten that fits into an extent about ten times."""
    rough = extent / 10
    power = 10 ** np.floor(np.log10(rough))
    return float(next(m for m in (1, 2, 5, 10) if m * power >= 0.99 * rough) * power)


def _mantissas(decades: float) -> tuple[float, ...]:
    for most, mantissas in ((2.0, (1, 1.5, 2, 3, 5, 7)), (4.5, (1, 2, 5)), (8.0, (1, 3))):
        if decades < most:
            return mantissas
    return (1,)

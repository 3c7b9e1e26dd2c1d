"""The sides of a panel of marks: scales, ends and tick labels."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from bokeh.models import BasicTicker, CustomJS, CustomJSTickFormatter, FixedTicker, LogTicker

from landscape_lab.figures import theme
from landscape_lab.figures.bokeh.axes import ends, log_ticks, put
from landscape_lab.figures.bokeh.curves import numbers
from landscape_lab.figures.lab_pictures import marks as m
from landscape_lab.figures.pixels import Array

LINEAR = 1e-3
"""Where a symmetric logarithm becomes linear: as a fraction of the largest value."""

SLANTED = 0.45
"""How far long names below an axis are turned, in radians."""

CROWDED = 7
"""Numbers on an axis above which every second one is left out."""

TURNED = f"""
    const along = plot.x_scale.type === "LogScale" ? Math.log : Number
    const [start, end] = [plot.x_range.start, plot.x_range.end].map(along)
    const named = axis.major_label_overrides
    const size = parseFloat(axis.major_label_text_font_size)
    const names = [...(named instanceof Map ? named : Object.entries(named))]
    const at = ([place]) => plot.inner_width * (along(place) - start) / (end - start)
    const half = ([, word]) => 0.3 * size * String(word).length
    const sorted = names.sort((one, other) => at(one) - at(other))
    const crowded = sorted.some((one, i) => i && at(one) - at(sorted[i - 1])
        < half(one) + half(sorted[i - 1]) + 0.5 * size)
    axis.setv({{major_label_orientation: crowded ? {SLANTED} : "horizontal"}}, {{sync: false}})
"""
"""Names side by side below an axis, or slanted where they would overlap in this window."""

FOLDED = """
    const words = (axis.axis_label ?? "").replaceAll("\\n", " ")
    const long = 0.56 * parseFloat(axis.axis_label_text_font_size) * words.length
    const gaps = [...words.matchAll(/ /g)].map(({index}) => index)
    const middle = (i) => Math.abs(i - words.length / 2)
    const [at] = gaps.sort((one, other) => middle(one) - middle(other))
    const folded = long > plot.inner_height && at !== undefined
        ? words.slice(0, at) + "\\n" + words.slice(at + 1) : words
    if (folded !== axis.axis_label) axis.setv({axis_label: folded}, {sync: false})
"""
"""The label of a vertical axis in one line, or in two where it is longer than the axis."""

MOST_DECADES = 3
"""Named decades on either side of zero, at most."""


@dataclass(frozen=True)
class Side:
    """One side of a panel: its scale, and where a symmetric logarithm becomes linear."""

    scale: str
    least: float = 1.0

    def places(self, values: Any) -> Array:
        """Where values lie on the axis; NaN where a logarithm has none."""
        found = np.asarray(values, float)
        with np.errstate(all="ignore"):
            if self.scale == "log":
                return np.where(found > 0, found, np.nan)
            if self.scale == "symlog":
                return np.asarray(np.sign(found) * np.log10(1 + np.abs(found) / self.least))
        return found

    def named(self, low: float, high: float) -> dict[float, str]:
        """Places between two on a logarithmic axis of either kind, with their values as words.

        Bokeh names numbers at equal distances where there are less than two decades, so that most
        of the axis has none.
        """
        if self.scale == "linear":
            return {}
        if self.scale == "log":
            places = log_ticks(low, high)
            return dict(zip(places, theme.words(np.array(places), "linear"), strict=True))
        most = max(abs(low), abs(high))
        last = np.floor(np.log10(self.least) + most)
        decades = np.arange(np.ceil(np.log10(self.least)) + 1, last + 1)
        chosen = decades[:: -max(1, -(-len(decades) // MOST_DECADES))]
        found = {0.0: "0"}
        for power in chosen.tolist():
            for sign in (-1.0, 1.0):
                place = float(self.places(sign * 10.0**power))
                if low <= place <= high:
                    found[place] = theme.words(np.array([sign * 10.0**power]), "linear")[0]
        return {place: word.replace("-", "−") for place, word in found.items()}


def side_of(panel: m.Panel, name: str) -> Side:
    """The side `x` or `y` of a panel."""
    scale: str = getattr(panel, f"{name}_scale")
    if scale != "symlog":
        return Side(scale)
    columns = (name, f"{name}0", f"{name}1", "low", "high", "height")
    found = [
        np.ravel(np.asarray(getattr(mark, column), float))
        for mark in panel.marks
        for column in columns[: 3 if name == "x" else None]
        if getattr(mark, column, None) is not None
    ]
    every = np.abs(np.concatenate(found)) if found else np.ones(1)
    known = every[np.isfinite(every)]
    return Side(scale, LINEAR * (float(known.max()) if known.size and known.any() else 1.0))


def extent(
    values: Array, side: Side, given: tuple[float, float] | None, padding: float
) -> tuple[float, float]:
    """Start and end of an axis, around places or as given in values."""
    if given is not None:
        low, high = side.places(np.array(given)).tolist()
        return low, high
    known = values[np.isfinite(values)]
    if not known.size:
        return (0.1, 1.0) if side.scale == "log" else (0.0, 1.0)
    if not padding and known.min() < known.max():
        return float(known.min()), float(known.max())
    found = ends(known, padding, logged=side.scale == "log")
    return found["start"], found["end"]


class AxisLabels:
    """The label and the tick labels of an axis; what stays the same is not sent again."""

    def __init__(self, axis: Any, scale: str) -> None:
        """Labels for a scale.

        Args:
            axis: of a Bokeh figure.
            scale: linear, log or symlog.
        """
        self._axis = axis
        few = {"desired_num_ticks": 5}
        logged = LogTicker(mantissas=[1, 2, 5], **few)
        self._numbers: Any = logged if scale == "log" else BasicTicker(**few)
        self._fixed = FixedTicker(ticks=[])
        axis.formatter = CustomJSTickFormatter(code=numbers(CROWDED))
        axis.ticker = self._numbers

    def show(self, label: str, named: dict[float, str]) -> None:
        """Show a label, and names at places instead of numbers if there are some."""
        put(self._axis, axis_label=label)
        put(self._fixed, ticks=list(named))
        put(self._axis, major_label_overrides=named)
        put(self._axis, ticker=self._fixed if named else self._numbers)


def fit_words(plot: Any) -> None:
    """Slant the names below a figure, and fold the words on its left, where room is short."""
    below, left = plot.xaxis[0], plot.yaxis[0]
    turned = CustomJS(args={"plot": plot, "axis": below}, code=TURNED)
    plot.js_on_change("inner_width", turned)
    for change in ("major_label_overrides", "major_label_text_font_size"):
        below.js_on_change(change, turned)
    folded = CustomJS(args={"plot": plot, "axis": left}, code=FOLDED)
    plot.js_on_change("inner_height", folded)
    for change in ("axis_label", "axis_label_text_font_size"):
        left.js_on_change(change, folded)

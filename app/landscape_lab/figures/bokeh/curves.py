"""Loss and accuracy over the run."""

from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from bokeh.layouts import column
from bokeh.models import (
    BasicTicker,
    BoxAnnotation,
    CustomJSTickFormatter,
    FixedTicker,
    HoverTool,
    Legend,
    LegendItem,
    LinearScale,
    LogScale,
    Range1d,
    Span,
    Ticker,
)
from bokeh.plotting import figure

from landscape_lab.figures import theme
from landscape_lab.figures.bokeh.axes import dots_on, ends, explained, log_ticks, put, step_ends
from landscape_lab.figures.bokeh.sizes import Scaled
from landscape_lab.figures.color_schemes import css
from landscape_lab.figures.pixels import narrow, same

LONGEST = 400
"""Points of a curve that are sent to the browser, at most."""

SPLIT = tuple(theme.SPLITS)
LOSSES = ("batch", *(f"{split}_loss" for split in SPLIT))
ACCURACIES = tuple(f"{split}_accuracy" for split in SPLIT)


def numbers(most: int) -> str:
    """Tick labels of an axis: short, and only every second where there are more than so many."""
    return f"""
    if (ticks.length > {most} && index % 2) return ''
    const size = Math.abs(tick), number = Number(tick.toPrecision(4))
    const powers = size && (size < 1e-3 || size >= 1e5)
    const words = powers ? number.toExponential().replace('+', '') : String(number)
    return words.replaceAll('-', '−')
"""


NUMBER = numbers(5)
"""Tick labels of a small axis."""


class Curves(Scaled):
    """Loss above, accuracy below, against the step; train and test in their colours."""

    def __init__(self) -> None:
        """Empty figures that fill the space they are given."""
        # Every curve has steps of its own, since each is thinned where it has no spikes.
        names = chain(*((name, f"{name}_step") for name in LOSSES + ACCURACIES))
        self.source = theme.source(*names)
        # Ranges of our own: the browser's would complain as long as there is nothing to show.
        self._x, self._y, self._share = Range1d(0, 1), Range1d(0.1, 1), Range1d(0, 1)
        shared: dict[str, Any] = {"x_range": self._x, "tools": "", "sizing_mode": "stretch_both"}
        self.loss = figure(y_axis_type="log", y_axis_label="loss", y_range=self._y, **shared)
        self.accuracy = figure(
            y_axis_label="accuracy", x_axis_label="step", y_range=self._share, **shared
        )
        self._dots: list[Any] = []
        self._accurate, self._brief = True, False
        self._items = self._draw()
        for plot in (self.loss, self.accuracy):
            theme.style(plot)
            plot.toolbar_location = None
            # The same for both, so that their steps lie below each other.
            plot.min_border_left = 62
            plot.min_border_right = 12
            plot.yaxis.formatter = CustomJSTickFormatter(code=NUMBER)
        self.loss.yaxis.ticker = _ticker(logged=True)
        self.accuracy.yaxis.ticker.desired_num_ticks = 4
        for plot in (self.loss, self.accuracy):
            plot.xaxis.ticker = BasicTicker(desired_num_ticks=4, min_interval=1)
        self.loss.xaxis.visible = False
        legend = Legend(items=list(self._items.values()))
        theme.key(legend)
        self.loss.add_layout(legend, "above")
        self.figure = column(self.loss, self.accuracy, sizing_mode="stretch_both", spacing=0)
        # Shared by both: each is told once that it moves.
        self.future = BoxAnnotation(
            left=0.0, fill_color=theme.SURFACE, fill_alpha=0.72, line_color=None, visible=False
        )
        self.cursor = Span(
            location=0.0, dimension="height", line_color=theme.CURRENT, line_width=1.6,
            visible=False, level="overlay",
        )  # fmt: skip
        for plot in (self.loss, self.accuracy):
            plot.add_layout(self.future)
            plot.add_layout(self.cursor)

    def make_brief(self, *, brief: bool) -> None:
        """Show the loss alone, or all curves, from the next update on and at once."""
        if brief != self._brief:
            self._brief = brief
            self._place_axes()

    def _place_axes(self) -> None:
        """Show the accuracy where there is one and room for it; the steps below what is last."""
        below = self._accurate and not self._brief
        put(self.accuracy, visible=below)
        put(self.loss.xaxis[0], visible=not below, axis_label="" if below else "step")

    def update(self, curves: xr.Dataset, seen: int | None = None) -> None:
        """Show the curves (split, step) with `batch_loss` (step); pale after the step looked at.

        Heights are logarithms unless a loss is below zero; a loss of zero is a gap in its line.
        """
        self._accurate = "accuracy" in curves
        self._place_axes()
        steps = curves["step"].values
        if seen is None or not len(steps) or seen >= steps[-1]:
            put(self.future, visible=False)
            put(self.cursor, visible=False)
        else:
            put(self.future, left=float(seen), visible=True)
            put(self.cursor, location=float(seen), visible=True)
        logged = not bool((curves["loss"] < 0).any())
        if logged != isinstance(self.loss.y_scale, LogScale):
            self.loss.y_scale = LogScale() if logged else LinearScale()
            self.loss.yaxis.ticker = _ticker(logged=logged)
        data = _table(curves, logged=logged)
        for name, item in self._items.items():
            put(item, visible=bool(np.isfinite(data[name]).any()))
        for dots in self._dots:
            put(dots, visible=len(steps) == 1)
        put(self.loss.yaxis[0], axis_label=str(curves.attrs.get("value", "loss")))
        if same(self.source.data, data):
            return
        self.source.data = data
        put(self._x, **step_ends(steps))
        put(self._y, **ends(np.concatenate([data[name] for name in LOSSES]), 0.06, logged=logged))
        if logged:
            put(self.loss.yaxis[0].ticker, ticks=log_ticks(self._y.start, self._y.end))
        put(self._share, **ends(np.concatenate([data[name] for name in ACCURACIES]), 0.06))

    def _draw(self) -> dict[str, LegendItem]:
        """Draw every curve; what the legend says of those of the loss, by their names."""
        thin = {"color": theme.BATCH, "width": 1.0}
        batch = _line(self.loss, self.source, "batch", "mini-batch loss", thin)
        items = {}
        for split, color in theme.SPLITS.items():
            wide = {"color": color, "width": 2.0}
            line = _line(self.loss, self.source, f"{split}_loss", f"{split} loss", wide)
            _line(self.accuracy, self.source, f"{split}_accuracy", f"{split} accuracy", wide)
            items[f"{split}_loss"] = explained(self.loss, split, line)
            for plot, name in ((self.loss, "loss"), (self.accuracy, "accuracy")):
                column_ = f"{split}_{name}"
                self._dots.append(dots_on(plot, self.source, f"{column_}_step", column_, color))
        return {**items, "batch": explained(self.loss, "mini-batch", batch)}


def decimated(values: npt.NDArray[Any], longest: int = LONGEST) -> npt.NDArray[np.int64]:
    """Indices of at most this number of points that keep each stretch's highest and lowest."""
    if len(values) <= longest:
        return np.arange(len(values))
    kept = {0, len(values) - 1}
    for part in np.array_split(np.arange(len(values)), longest // 2 - 1):
        finite = part[np.isfinite(values[part])]
        if len(finite):
            low, high = values[finite].argmin(), values[finite].argmax()
            kept |= {int(finite[low]), int(finite[high])}
        else:
            kept.add(int(part[0]))
    return np.array(sorted(kept))


def _ticker(*, logged: bool) -> Ticker:
    """Few tick labels on the axis of the loss; a logarithmic one is given them with its ends.

    The browser's own count as on a linear axis within two decades: from 0.1 to 1.2 they are two.
    """
    if logged:
        return FixedTicker()
    return BasicTicker(desired_num_ticks=4)


def _table(curves: xr.Dataset, *, logged: bool) -> dict[str, npt.NDArray[np.float32]]:
    """Every curve and its steps as columns of one length, the rest of each not a number."""
    steps = curves["step"].values
    found = {"batch": curves["batch_loss"].values} if "batch_loss" in curves else {}
    for name in ("loss", "accuracy"):
        for split in SPLIT:
            if name in curves and split in curves["split"].values:
                found[f"{split}_{name}"] = curves[name].sel(split=split).values
    table: dict[str, npt.NDArray[np.float32]] = {}
    length = min(len(steps), LONGEST)
    for name in LOSSES + ACCURACIES:
        values = found.get(name, np.full(length, np.nan))
        drawable = np.isfinite(values) & ((values > 0) | (name in ACCURACIES) | (not logged))
        values = np.where(drawable, values, np.nan)
        kept = decimated(values)
        rest = np.full(length - len(kept), np.nan)
        table[name] = narrow(np.append(values[kept], rest))
        table[f"{name}_step"] = narrow(np.append(steps[kept], rest))
    return table


def _line(plot: Any, source: Any, name: str, words: str, style: dict[str, Any]) -> Any:
    line = plot.line(
        f"{name}_step", name, source=source, line_color=style["color"], line_width=style["width"]
    )
    tip = f"""<div style="font: {theme.SMALL} {theme.FONT}; color: {css(theme.INK)}">
        {words} <b>$y{{0.0000}}</b><br>step $x{{0}}</div>"""
    plot.add_tools(HoverTool(renderers=[line], tooltips=tip, line_policy="nearest", visible=False))
    return line

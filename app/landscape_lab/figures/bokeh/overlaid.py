"""The losses of several runs in one small picture."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from bokeh.core.properties import value
from bokeh.models import (
    BasicTicker,
    CustomJSTickFormatter,
    FixedTicker,
    LinearScale,
    LogScale,
    Range1d,
)
from bokeh.plotting import figure

from landscape_lab.figures import theme
from landscape_lab.figures.bokeh.axes import ends, log_ticks, put, step_ends
from landscape_lab.figures.bokeh.curves import NUMBER, decimated
from landscape_lab.figures.bokeh.maps import send
from landscape_lab.figures.bokeh.path import index_of
from landscape_lab.figures.pixels import Array, narrow

APART, APART_LOW = 0.09, 0.15
"""Between the letters at the ends of curves, as a fraction of the height; and in a low figure."""

DASHES = {"train": "solid", "test": "dashed"}


class Overlaid:
    """Training losses as lines, test losses dashed, each run in its colour."""

    def __init__(self) -> None:
        """An empty figure that fills the space it is given."""
        self._x, self._y = Range1d(0, 1), Range1d(0.1, 1)
        self.figure = figure(
            x_range=self._x, y_range=self._y, y_axis_type="log", tools="",
            sizing_mode="stretch_both", y_axis_label="loss (test dashed)", x_axis_label="step",
        )  # fmt: skip
        self.lines = theme.source("xs", "ys", "color", "dash", "width")
        self.ends = theme.source("x", "y", "color", "text")
        self.here = theme.source("x", "y", "color")
        self.figure.multi_line(
            "xs", "ys", source=self.lines, line_color="color", line_dash="dash",
            line_width="width",
        )  # fmt: skip
        self.figure.scatter(
            "x", "y", source=self.here, size=7, fill_color="color", line_color="#ffffff"
        )
        self.figure.text(
            "x", "y", text="text", source=self.ends, x_offset=4, text_baseline="middle",
            text_color="color", text_font=value(theme.FONT), text_font_size=theme.SMALL,
            text_font_style="bold",
        )  # fmt: skip
        theme.style(self.figure)
        self.figure.toolbar_location = None
        self.figure.update(min_border_left=58, min_border_right=8)
        self.figure.yaxis.formatter = CustomJSTickFormatter(code=NUMBER)
        self.figure.yaxis.ticker = FixedTicker()
        self.figure.xaxis.ticker.desired_num_ticks = 4

    def update(
        self,
        runs: Sequence[tuple[xr.Dataset, int]],
        names: Mapping[str, str],
        *,
        low: bool = False,
    ) -> None:
        """Show the curves of each run and the step looked at; names and colours are in order.

        Where the figure is `low`, it has fewer words, and the letters are farther apart.
        """
        put(self.figure.xaxis[0], axis_label=None if low else "step")
        tested = any("test" in curves["split"] for curves, _ in runs)
        put(self.figure.yaxis[0], axis_label="loss (test dashed)" if tested and not low else "loss")
        logged = not any(bool((curves["loss"] < 0).any()) for curves, _ in runs)
        if logged != isinstance(self.figure.y_scale, LogScale):
            self.figure.y_scale = LogScale() if logged else LinearScale()
            few = FixedTicker() if logged else BasicTicker(desired_num_ticks=4)
            self.figure.yaxis.ticker = few
        lines: list[tuple[Any, ...]] = []
        last: list[tuple[Any, ...]] = []
        here: list[tuple[Any, ...]] = []
        for (curves, seen), (name, color) in zip(runs, names.items(), strict=True):
            steps = curves["step"].values
            for split in curves["split"].values.tolist():
                loss = curves["loss"].sel(split=split).values
                loss = np.where(np.isfinite(loss) & ((loss > 0) | (not logged)), loss, np.nan)
                kept, dash = decimated(loss, 200), DASHES[split]
                width = 2.0 if dash == "solid" else 1.2
                lines.append((narrow(steps[kept]), narrow(loss[kept]), color, dash, width))
                known = np.flatnonzero(np.isfinite(loss))
                if split == "train" and len(known):
                    last.append((float(steps[known[-1]]), float(loss[known[-1]]), color, name))
                    until = int((known <= index_of(curves, seen)).sum())
                    at = known[max(0, until - 1)]
                    here.append((float(steps[at]), float(loss[at]), color))
        put(self._x, **step_ends(np.sort(np.concatenate([x for x, *_ in lines])), 0.06))
        put(self._y, **ends(np.concatenate([y for _, y, *_ in lines]), 0.08, logged=logged))
        if logged:
            put(self.figure.yaxis[0].ticker, ticks=log_ticks(self._y.start, self._y.end))
        sides = np.array([self._y.start, self._y.end])
        places = _apart([y for _, y, *_ in last], sides, APART_LOW if low else APART, logged=logged)
        last = [(x, y, *rest) for (x, _, *rest), y in zip(last, places, strict=True)]
        for source, table in ((self.lines, lines), (self.ends, last), (self.here, here)):
            columns = {name: [entry[i] for entry in table] for i, name in enumerate(source.data)}
            send(source, columns)


def _apart(heights: Sequence[float], sides: Array, gap: float, *, logged: bool) -> list[float]:
    """Heights moved as little as keeps them so far from each other, as a fraction of an axis."""
    low, high = np.log10(sides) if logged else sides
    shares = ((np.log10(heights) if logged else np.asarray(heights)) - low) / (high - low)
    order = np.argsort(shares, kind="stable")
    steps = gap * np.arange(len(order))
    # Apart is increasing once the steps are taken off; halfway between the nearest such above
    # and below is fair to all.
    bare = shares[order] - steps
    up, down = np.maximum.accumulate(bare), np.minimum.accumulate(bare[::-1])[::-1]
    moved = np.empty(len(order))
    moved[order] = np.clip((up + down) / 2, 0.05, 0.95 - steps[-1:]) + steps
    found = low + moved * (high - low)
    return [float(10**each if logged else each) for each in found]

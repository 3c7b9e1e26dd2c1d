"""A small picture of numbers over a plane, with lines and points on it."""

from typing import Any

import numpy as np
import xarray as xr
from bokeh.models import (
    BasicTicker,
    ColorBar,
    CustomJSTickFormatter,
    FixedTicker,
    Label,
    LinearColorMapper,
    Range1d,
)
from bokeh.plotting import figure

from landscape_lab.figures import theme
from landscape_lab.figures.bokeh.axes import put
from landscape_lab.figures.bokeh.curves import NUMBER
from landscape_lab.figures.pixels import PALETTE, SHADES, Array, box, finer, narrow, same, shaded

BOX = ("x", "y", "width", "height")

NAMED = 4
"""Tick labels of a small colour bar, at most."""


class Map:
    """Colours over a plane, with a scale below; further glyphs are drawn on its `figure`."""

    def __init__(self, title: str) -> None:
        """An empty picture that fills the space it is given; `title` names the colours."""
        self._x, self._y = Range1d(0, 1), Range1d(0, 1)
        self.figure = figure(x_range=self._x, y_range=self._y, tools="", sizing_mode="stretch_both")
        self.image = theme.source("image", *BOX)
        mapper = LinearColorMapper(palette=list(PALETTE), low=0, high=SHADES + 1)
        self.figure.image(
            image="image", source=self.image, color_mapper=mapper,
            x="x", y="y", dw="width", dh="height",
        )  # fmt: skip
        theme.style(self.figure)
        self.figure.grid.visible = False
        self.figure.toolbar_location = None
        self.figure.update(min_border_left=62, min_border_right=24)
        for axis in self.figure.axis:
            axis.formatter = CustomJSTickFormatter(code=NUMBER)
            axis.ticker = BasicTicker(desired_num_ticks=4)
        self.bar = scale_of(title)
        self.figure.add_layout(self.bar, "below")

    def update(
        self,
        heights: xr.DataArray,
        limits: tuple[float, float],
        ticks: dict[float, str],
        *,
        smooth: bool,
    ) -> None:
        """Show heights (beta, alpha); what is not finite is grey.

        Args:
            heights: of each point, with the coordinates alpha and beta.
            limits: heights of the first and the last colour.
            ticks: tick labels of the colour bar, with their words.
            smooth: interpolate between points; otherwise each is a pixel.
        """
        x, y = heights["alpha"].values, heights["beta"].values
        values = heights.transpose("beta", "alpha").values
        fine, holes = finer(values) if smooth else _cells(values, limits[0])
        shades = shaded(fine, holes, *limits)
        send(self.image, {"image": [shades]} | {k: [v] for k, v in box(x, y, shades.shape).items()})
        at = box(x, y, shades.shape)
        put(self._x, start=at["x"], end=at["x"] + at["width"])
        put(self._y, start=at["y"], end=at["y"] + at["height"])
        for axis, name in ((self.figure.xaxis[0], "alpha"), (self.figure.yaxis[0], "beta")):
            put(axis, axis_label=str(heights[name].attrs.get("long_name", name)))
        name_colors(self.bar, limits, ticks)
        put(self.bar, visible=True)

    def show(self, losses: xr.DataArray, scale: str) -> None:
        """Show losses (beta, alpha), smooth, on a `log` or `linear` scale."""
        heights = losses.copy(data=theme.decimal_log(losses.values)) if scale == "log" else losses
        low, high = theme.limits(heights.values)
        finite = heights.values[np.isfinite(heights.values)]
        ticks = theme.ticks(low, high, scale, cut=bool((finite > high).any()))
        self.update(heights, (low, high), ticks, smooth=True)

    def clear(self) -> None:
        """Show nothing."""
        send(self.image, {name: [] for name in self.image.data})
        put(self.bar, visible=False)


class Track:
    """The path of a run over a map, where the run stands, and a line of words in the corner."""

    def __init__(self, over: Map, waiting: str, lines: tuple[tuple[str, float], ...]) -> None:
        """Nothing drawn yet; `waiting` is said until then.

        Args:
            over: the map that it is drawn on.
            waiting: said as long as there is nothing to show.
            lines: colours and widths of the lines that make up the path, from below.
        """
        self._waiting = waiting
        self.path, self.here = theme.source("x", "y"), theme.source("x", "y")
        for color, width in lines:
            over.figure.line("x", "y", source=self.path, color=color, width=width)
        over.figure.scatter(
            "x", "y", source=self.here, size=9, fill_color=theme.CURRENT, line_color="#ffffff"
        )
        self.words = Label(
            x=10, y=10, x_units="screen", y_units="screen", text=waiting,
            text_color=theme.MUTED, text_font=theme.FONT, text_font_size=theme.NORMAL,
            background_fill_color="#ffffff", background_fill_alpha=0.8, padding=3,
        )  # fmt: skip
        over.figure.add_layout(self.words)

    def update(self, path: xr.Dataset, words: str) -> None:
        """Show the path, `alpha` and `beta` by step, and say something of it."""
        x, y = path["alpha"].values, path["beta"].values
        send(self.path, columns(x=x, y=y))
        send(self.here, columns(x=x[-1:], y=y[-1:]))
        put(self.words, text=words or self._waiting)

    def clear(self) -> None:
        """Show nothing, and say what is waited for."""
        for source in (self.path, self.here):
            send(source, columns(x=np.empty(0), y=np.empty(0)))
        put(self.words, text=self._waiting)


def scale_of(title: str) -> ColorBar:
    """A scale of the landscape's colours that lies below a figure, unseen as yet."""
    return ColorBar(
        color_mapper=LinearColorMapper(palette=list(theme.LANDSCAPE), low=0, high=1),
        title=title, height=8, width="auto", location="center", ticker=FixedTicker(ticks=[]),
        major_label_overrides={}, padding=4, margin=0, title_standoff=2, label_standoff=3,
        major_tick_line_color=theme.FRAME, major_label_text_color=theme.MUTED,
        title_text_color=theme.MUTED, major_label_text_font=theme.FONT,
        title_text_font=theme.FONT, major_label_text_font_size=theme.SMALL,
        title_text_font_size=theme.SMALL, title_text_font_style="normal", visible=False,
    )  # fmt: skip


def name_colors(bar: ColorBar, limits: tuple[float, float], ticks: dict[float, str]) -> None:
    """Say between which heights the colours lie, and name some, as far as there is room."""
    named = list(ticks.items())[::-1]
    few = dict(named[:: max(1, -(-len(named) // NAMED))][::-1])
    put(bar.color_mapper, low=limits[0], high=limits[1])
    put(bar.ticker, ticks=list(few))
    put(bar, major_label_overrides=few)


def send(source: Any, data: dict[str, Any]) -> None:
    """Put data into a source in one message, or in none if they are there already."""
    if not same(source.data, data):
        source.data = data


def columns(**values: Array) -> dict[str, Any]:
    """Columns of a source, in half the bytes."""
    return {name: narrow(np.asarray(column)) for name, column in values.items()}


def _cells(values: Array, instead: float) -> tuple[Array, Any]:
    finite = np.isfinite(values)
    return np.where(finite, values, instead), ~finite

"""One of several small pictures of landscapes that share their scale of colours."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from bokeh.layouts import column
from bokeh.models import (
    BasicTicker,
    CustomJSHover,
    CustomJSTickFormatter,
    Div,
    HoverTool,
    LinearColorMapper,
    Range1d,
)
from bokeh.plotting import figure

from landscape_lab.figures import theme
from landscape_lab.figures.annotations import equal, joined, short_names, tip_of
from landscape_lab.figures.bokeh.axes import put
from landscape_lab.figures.bokeh.curves import NUMBER
from landscape_lab.figures.bokeh.maps import send
from landscape_lab.figures.bokeh.nearest import nearest
from landscape_lab.figures.bokeh.path import Trail
from landscape_lab.figures.pixels import PALETTE, SHADES, Array, box, finer, narrow, same, shaded

BOX = ("x", "y", "width", "height")

DIFFERENCES = (*theme.ramp(theme.DIFFERENCE, SHADES), *PALETTE[SHADES:])
"""As `PALETTE`, for what may be above or below."""

DIGITS = "return Number.isFinite(value) ? String(Number(value.toPrecision(4))) : 'not finite'"


NOTHING: dict[str, Any] = {"x_low": np.empty(0, np.float32), "y_low": np.empty(0, np.float32)}
"""No region is outlined."""


@dataclass(frozen=True)
class Heights:
    """What one picture shows: heights (beta, alpha), their range, and the lines that are drawn.

    `values` are what the pointer reads; `diverging` says that the middle of the range is zero.
    """

    heights: xr.DataArray
    values: Array
    limits: tuple[float, float]
    levels: Array
    diverging: bool = False


class Panel:
    """A title that is never cut, and below it a landscape with a path."""

    def __init__(self) -> None:
        """Empty, and as large as there is space."""
        self._x, self._y = Range1d(-1, 1), Range1d(-1, 1)
        self._drawn: dict[str, Any] = {}
        self.plot = figure(x_range=self._x, y_range=self._y, tools="", sizing_mode="stretch_both")
        self.image = theme.source("shades", "values", *BOX, *(f"values_{side}" for side in BOX))
        self.lines = theme.source("x_low", "y_low", "x_high", "y_high")
        self.region = theme.source("x_low", "y_low")
        self.title = Div(text="", sizing_mode="stretch_width", margin=(0, 8, 0, 8))
        self._mapper = LinearColorMapper(palette=list(PALETTE), low=0, high=SHADES + 1)
        self._draw()
        self.trail = Trail(self.plot)
        theme.style(self.plot)
        self.plot.grid.visible = False
        self.plot.toolbar_location = None
        self.plot.update(min_border_left=48, min_border_right=10, min_border_top=2)
        for axis in self.plot.axis:
            axis.ticker = BasicTicker(desired_num_ticks=4)
            axis.formatter = CustomJSTickFormatter(code=NUMBER)
            axis.axis_label_text_font_size = theme.SMALL
            axis.axis_label_standoff = 1
        self.figure = column(self.title, self.plot, sizing_mode="stretch_both", spacing=0)

    def update(
        self,
        title: str,
        shown: Heights,
        path: xr.Dataset,
        seen: int,
        region: dict[str, Any] | None = None,
    ) -> None:
        """Show heights and a path up to a step, under a title in HTML, and a region outlined."""
        put(self.title, text=title)
        send(self.region, region or NOTHING)
        drawn = {
            "heights": shown.heights.values, "limits": shown.limits, "levels": shown.levels,
            "alpha": shown.heights["alpha"].values, "beta": shown.heights["beta"].values,
            "diverging": shown.diverging,
        }  # fmt: skip
        if not same(self._drawn, drawn):
            self._drawn = drawn
            self._picture(shown)
        self.trail.update(path, seen=seen)

    def enlarge(self, factor: float) -> None:
        """Make the words and the signs so many times as large as they are by themselves."""
        self.trail.enlarge(factor)
        self.title.styles = {"zoom": f"{factor:g}"}

    def _picture(self, shown: Heights) -> None:
        """Colours, lines and axes, which are kept as long as they are the same."""
        alpha, beta = (shown.heights[side].values for side in ("alpha", "beta"))
        heights = shown.heights.transpose("beta", "alpha").values
        fine, holes = finer(heights)
        palette = list(DIFFERENCES if shown.diverging else PALETTE)
        put(self._mapper, palette=palette)
        shades = shaded(fine, holes, *shown.limits)
        boxes = box(alpha, beta, shades.shape) | box(alpha, beta, shown.values.shape, "values_")
        columns = {"shades": shades, "values": narrow(shown.values), **boxes}
        send(self.image, {name: [thing] for name, thing in columns.items()})
        smooth = not holes.any()
        drawn = equal(fine if smooth else heights, alpha, beta, shown.levels)
        half = int((shown.levels < sum(shown.limits) / 2).sum()) if not shown.diverging else 0
        low, high = (
            [line for line in part if line is not None] for part in (drawn[:half], drawn[half:])
        )
        send(self.lines, joined(low, high))
        put(self._x, start=float(alpha[0]), end=float(alpha[-1]))
        put(self._y, start=float(beta[0]), end=float(beta[-1]))
        put(self._hover, tooltips=_tip(short_names(shown.heights)))
        for axis, name in ((self.plot.xaxis[0], "alpha"), (self.plot.yaxis[0], "beta")):
            words = str(shown.heights[name].attrs.get("long_name", name))
            # Upright there is room for the name alone.
            put(axis, axis_label=words if name == "alpha" else words.partition(" (")[0])

    def _draw(self) -> None:
        self.plot.image(
            image="shades", source=self.image, color_mapper=self._mapper,
            x="x", y="y", dw="width", dh="height",
        )  # fmt: skip
        # Unseen, one pixel for each point: what the pointer reads.
        read = self.plot.image(
            image="values", source=self.image, palette=["#000000", "#ffffff"], global_alpha=0.0,
            x="values_x", y="values_y", dw="values_width", dh="values_height",
        )  # fmt: skip
        self.plot.line("x_low", "y_low", source=self.lines, color="#ffffff", alpha=0.45)
        self.plot.line("x_high", "y_high", source=self.lines, color=theme.HALO, alpha=0.4)
        self.plot.line("x_low", "y_low", source=self.region, color="#ffffff", width=3)
        self._hover = HoverTool(
            renderers=[read], tooltips=_tip(("α", "β")), point_policy="follow_mouse",
            visible=False,
            formatters={"@values": CustomJSHover(code=DIGITS), **nearest(self.image)},
        )  # fmt: skip
        self.plot.add_tools(self._hover)


def _tip(names: tuple[str, str]) -> str:
    return tip_of(names, "<b>@values{custom}</b>", f"{theme.SMALL} {theme.FONT}")


def difference(other: xr.DataArray, first: xr.DataArray) -> xr.DataArray:
    """One map of heights (beta, alpha) minus the first, at the points of the first.

    Linear between the points of the other; NaN outside it and where either is not finite.
    """
    order = ("beta", "alpha")
    same = all(np.array_equal(other[side], first[side]) for side in order)
    finite = other.where(np.isfinite(other))
    at = finite if same else finite.interp({side: first[side].values for side in order})
    ours, theirs = first.transpose(*order).values, at.transpose(*order).values
    known = np.isfinite(ours) & np.isfinite(theirs)
    values = np.where(known, np.where(known, theirs, 0.0) - np.where(known, ours, 0.0), np.nan)
    return first.transpose(*order).copy(data=values)

"""A panel of marks drawn by Bokeh, and brought up to date in place while a lab grows."""

from typing import Any

import numpy as np
from bokeh.core.properties import value
from bokeh.models import Arrow, CustomJS, Legend, LegendItem, Line, Range1d, Scatter, VeeHead
from bokeh.plotting import figure

from landscape_lab.figures import theme
from landscape_lab.figures.bokeh.axes import put
from landscape_lab.figures.bokeh.legend import ROWS
from landscape_lab.figures.bokeh.maps import name_colors, scale_of, send
from landscape_lab.figures.bokeh.marked_panel import ShapedPanel, shaped
from landscape_lab.figures.bokeh.marked_shapes import (
    ARROWS,
    DASHES,
    Shape,
    Sign,
    cell_colors,
    cell_limits,
)
from landscape_lab.figures.bokeh.marked_sides import AxisLabels, Side, fit_words
from landscape_lab.figures.bokeh.sizes import Scaled
from landscape_lab.figures.lab_pictures import marks as m

HANG = -44
"""Pixels by which a title begins to the left of the axes, where a narrow figure has room."""

COLORED = ("Scatter", "Segment", "MultiLine")
"""Glyphs each of whose parts has its own colour."""

EQUAL = """
    const [left, right, bottom, top] = wanted.data.ends
    const width = plot.inner_width, height = plot.inner_height
    if (!(width > 0 && height > 0)) return
    const unit = Math.max((right - left) / width, (top - bottom) / height)
    const middle = [(left + right) / 2, (bottom + top) / 2]
    x.setv({start: middle[0] - unit * width / 2, end: middle[0] + unit * width / 2})
    y.setv({start: middle[1] - unit * height / 2, end: middle[1] + unit * height / 2})
"""
"""The same unit on both axes, with all that is to be seen inside."""


class MarkedFigure(Scaled):
    """The panel of a lab's picture: marks keep their glyphs from one dataset to the next."""

    def __init__(self, panel: m.Panel) -> None:
        """Show a panel; later ones have the same scales of their axes.

        Args:
            panel: what is shown first.
        """
        self._x, self._y = Range1d(0, 1), Range1d(0, 1)
        kinds = {side: "log" if getattr(panel, f"{side}_scale") == "log" else "linear"
                 for side in ("x", "y")}  # fmt: skip
        self.figure = figure(
            x_range=self._x, y_range=self._y, x_axis_type=kinds["x"], y_axis_type=kinds["y"],
            tools="pan,box_zoom,wheel_zoom,reset,save", sizing_mode="stretch_both",
            title=panel.title,
        )  # fmt: skip
        self._drawn: dict[Any, list[Any]] = {}
        self._signs: tuple[Sign, ...] = ()
        self._copies: list[Any] = []
        self._look()
        self._labels = {
            "x": AxisLabels(self.figure.xaxis[0], panel.x_scale),
            "y": AxisLabels(self.figure.yaxis[0], panel.y_scale),
        }
        fit_words(self.figure)
        self._equal = theme.source("ends") if panel.equal else None
        if self._equal is not None:
            self._keep_equal(self._equal)
        self._legend = Legend(items=[], visible=False)
        theme.key(self._legend)
        self._legend.update(location="top_left", glyph_width=16, glyph_height=12, spacing=4)
        self.figure.add_layout(self._legend, "above")
        words = {"legend": self._legend, "plot": self.figure, "sign": 2.8, "outside": False}
        rows = CustomJS(args=words, code=ROWS)
        self.figure.js_on_change("inner_width", rows)
        for change in ("tags", "label_text_font_size"):
            self._legend.js_on_change(change, rows)
        self._bar: Any = None
        self.update(panel)

    def update(self, panel: m.Panel) -> None:
        """Show another state of the panel; only what differs is sent."""
        found = shaped(panel)
        self._range(panel, found)
        self._draw(found.shapes)
        put(self.figure.title, text=panel.title)
        cells = [mark for mark in panel.marks if isinstance(mark, m.Cells)]
        for grid in self.figure.grid:
            put(grid, visible=not cells)
        self._color(cells[0] if cells else None)
        self._explain(
            tuple(shape.sign for shape in found.shapes if shape.sign and shape.sign.label)
        )

    def _look(self) -> None:
        theme.style(self.figure)
        self.figure.toolbar_location = "right"
        self.figure.update(min_border_left=56, min_border_right=8, min_border_top=2)
        self.figure.title.update(
            text_font=theme.FONT, text_font_size=theme.NORMAL, text_color=theme.INK,
            text_font_style="bold", align="left", offset=HANG,
        )  # fmt: skip

    def _keep_equal(self, wanted: Any) -> None:
        code = CustomJS(
            args={"wanted": wanted, "plot": self.figure, "x": self._x, "y": self._y}, code=EQUAL
        )
        wanted.js_on_change("data", code)
        for side in ("inner_width", "inner_height"):
            self.figure.js_on_change(side, code)

    def _range(self, panel: m.Panel, found: ShapedPanel) -> None:
        """Bring the axes in line with what is shown."""
        across, up, ground = found.across, found.up, found.ground
        if found.floor is not None:  # bars stand on the axis
            up = (found.floor, up[1])
        if self._equal is not None:
            send(self._equal, {"ends": [*across, *up]})
        else:
            put(self._x, start=across[0], end=across[1])
            put(self._y, start=up[0], end=up[1])
        for name, side, ends in (("x", ground.x, across), ("y", ground.y, up)):
            given: dict[float, str] = getattr(panel, f"{name}_ticks")
            named = given or side.named(*ends)
            self._labels[name].show(getattr(panel, f"{name}_label"), _placed(named, side, given))

    def _draw(self, found: list[Shape]) -> None:
        """Give each shape the next glyph of its kind, and hide those that are left."""
        used: dict[Any, int] = {}
        order = []
        for shape in found:
            number = used.get(shape.kind, 0)
            used[shape.kind] = number + 1
            known = self._drawn.setdefault(shape.kind, [])
            if number == len(known):
                known.append(self._made(shape))
            drawn = known[number]
            _fill(drawn, shape)
            order.append(drawn)
        for kind, known in self._drawn.items():
            for drawn in known[used.get(kind, 0) :]:
                put(drawn, visible=False)
                order.append(drawn)
        glyphs = [one for one in order if not isinstance(one, Arrow)]
        put(self.figure, renderers=[*glyphs, *self._copies])

    def _made(self, shape: Shape) -> Any:
        """A new glyph, or a new set of arrows."""
        source = theme.source(*shape.data)
        if shape.kind == ARROWS:
            head = VeeHead(size=6, fill_color="color", line_color="color")
            arrows = Arrow(
                source=source, x_start="x0", y_start="y0", x_end="x1", y_end="y1", end=head,
                line_color="color", line_width=1.2, level="underlay",
            )  # fmt: skip
            self.figure.add_layout(arrows)
            return arrows
        colors: dict[str, Any] = {}
        if shape.kind.__name__ in COLORED:
            colors = {"line_color": "color"}
            if shape.kind is Scatter:
                colors = {"fill_color": "color", "line_color": None}
        glyph = shape.kind(**{name: name for name in shape.data if name != "color"}, **colors)
        return self.figure.add_glyph(source, glyph)

    def _color(self, cells: m.Cells | None) -> None:
        """Explain the colours of cells below the figure."""
        if cells is not None and self._bar is None:  # before there are values: else it comes late
            self._bar = scale_of(cells.label)
            self._bar.color_mapper.palette = list(cell_colors(cells))
            self.figure.add_layout(self._bar, "below")
        if cells is None or not np.isfinite(cells.values).any():
            if self._bar is not None:
                put(self._bar, visible=False)
            return
        low, high = cell_limits(cells)
        scale = "log" if cells.scale == "log" else "linear"
        name_colors(self._bar, (low, high), theme.ticks(low, high, scale, cut=False))
        put(self._bar, title=cells.label, visible=True)

    def _explain(self, signs: tuple[Sign, ...]) -> None:
        """Say in the legend what the marks are; it is built anew only if its words change."""
        if signs == self._signs:
            return
        self._signs = signs
        kept = [one for one in self.figure.renderers if one not in self._copies]
        put(self.figure, renderers=kept)
        self._copies = [self._copy(sign) for sign in signs]
        self._legend.items = [
            LegendItem(label=value(sign.label), renderers=[copy])
            for sign, copy in zip(signs, self._copies, strict=True)
        ]
        put(self._legend, visible=bool(signs), tags=[sign.label for sign in signs])

    def _copy(self, sign: Sign) -> Any:
        """A glyph that draws nothing but itself in the legend."""
        if sign.shape == "line":
            glyph: Any = Line(
                line_color=sign.color, line_width=2, line_alpha=sign.opacity,
                line_dash=DASHES if sign.dashed else [],
            )  # fmt: skip
        else:
            marker = "square" if sign.shape == "area" else "circle"
            glyph = Scatter(
                marker=marker, size=9, fill_color=sign.color, fill_alpha=sign.opacity,
                line_color=None,
            )  # fmt: skip
        nothing = theme.source("x", "y")
        nothing.data = {"x": [np.nan], "y": [np.nan]}
        return self.figure.add_glyph(nothing, glyph)


def _fill(drawn: Any, shape: Shape) -> None:
    """Put data and style into what is drawn."""
    if isinstance(drawn, Arrow):
        send(drawn.source, shape.data)
        opacity = shape.style["opacity"]
        put(drawn, line_alpha=value(opacity), visible=True)
        put(drawn.end, line_alpha=value(opacity), fill_alpha=value(opacity))
        return
    send(drawn.data_source, shape.data)
    put(drawn.glyph, **shape.style)
    put(drawn, visible=True)


def _placed(named: dict[float, str], side: Side, given: dict[float, str]) -> dict[float, str]:
    """Names at places of the axis; those that are given stand at values."""
    return {float(side.places(at)): word for at, word in named.items()} if given else named

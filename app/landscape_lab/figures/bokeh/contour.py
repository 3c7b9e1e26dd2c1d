"""The landscape from above: colours, lines of equal loss, the path, the lowest point."""

from collections.abc import Callable
from typing import Any

import xarray as xr
from bokeh.core.properties import value
from bokeh.events import Tap
from bokeh.models import (
    ColorBar,
    ColumnDataSource,
    CustomJSHover,
    FixedTicker,
    HoverTool,
    Label,
    LinearColorMapper,
    Range1d,
)
from bokeh.plotting import figure

from landscape_lab.figures import theme
from landscape_lab.figures.annotations import (
    best,
    dots,
    exact_tip,
    marked,
    title_of,
)
from landscape_lab.figures.bokeh.axes import gliding, put, put_ends
from landscape_lab.figures.bokeh.legend import Key
from landscape_lab.figures.bokeh.nearest import nearest
from landscape_lab.figures.bokeh.path import OFF, Asked, Trail, index_of, is_long
from landscape_lab.figures.bokeh.sizes import enlarge
from landscape_lab.figures.drawn_slice import DrawnSlice, drawn_slice
from landscape_lab.figures.outline import outline, words_of
from landscape_lab.figures.pixels import (
    PALETTE,
    SHADES,
    narrow,
    same,
)
from landscape_lab.figures.reduced import reduced

TOOLBAR = ":host { height: fit-content !important; margin: 6px; border-radius: 6px; }"
"""As high as its buttons, so that it hides little of the picture beneath."""

BOX = ("x", "y", "width", "height")

NUMBER = "return String(Number(value.toPrecision(5))).replaceAll('-', '−')"
WHETHER = "return value ? 'computed' : 'interpolated'"


class Contour:
    """A slice of two dimensions as a picture; `update` shows another."""

    def __init__(
        self,
        tapped: Callable[[float, float], None] | None = None,
        asked: Asked | None = None,
    ) -> None:
        """An empty figure that fills the space it is given.

        Args:
            tapped: called with alpha and beta when the user clicks on the picture.
            asked: called with alpha and beta of a picture at rest, and what a mouse asks there:
                `hover`, to see the network; `leave`, no more; `drop`, to start a run.
        """
        self._x, self._y = gliding(Range1d(-1, 1)), gliding(Range1d(-1, 1))
        self.figure = figure(
            name="landscape",
            x_range=self._x,
            y_range=self._y,
            sizing_mode="stretch_both",
            tools="pan,wheel_zoom,reset,save",
            active_scroll="wheel_zoom",
            toolbar_inner=True,
        )
        # Columns from the start: a figure with a glyph whose column is missing does not open.
        self.picture = theme.source(
            "shades", "values", "exact", *BOX, *(f"values_{b}" for b in BOX)
        )
        self.lines = theme.source("x_low", "y_low", "x_high", "y_high")
        self.labels = theme.source("x", "y", "text")
        self.region = theme.source("x_low", "y_low")
        self._shown: dict[str, Any] = {}
        self._factor = 1.0
        self._draw()
        self._trail = Trail(self.figure)
        self.path, self.ahead = self._trail.path, self._trail.ahead
        self.marks, self.now = self._trail.marks, self._trail.now
        theme.style(self.figure)
        self.figure.grid.visible = False
        self.figure.toolbar.stylesheets = [TOOLBAR]
        # Room for the widest numbers, so that the picture does not move when they change.
        self.figure.update(min_border_left=64, min_border_right=86)
        self._scale_bar()
        self._key = Key(self.figure)
        self._far = self._key.items["far off"]
        if tapped is not None:
            self._tapped = tapped
            self.figure.on_event(Tap, self._tap)
        if asked is not None:
            self._trail.listen(self.figure, asked)

    def update(  # noqa: PLR0913 - all that one picture is made of
        self,
        slice_: xr.Dataset,
        path: xr.Dataset | None,
        *,
        variable: str = "loss",
        split: str = "train",
        scale: str = "log",
        limits: tuple[float, float] | None = None,
        seen: int | None = None,
        point: tuple[float, float] | None = None,
        level: float = 0.0,
        rolls: bool = False,
    ) -> None:
        """Show a variable of a slice, and a path on it.

        Args:
            slice_: dims (split, beta, alpha) with `computed` (beta, alpha).
            path: alpha and beta by step, or None; with `off`, the distance from the plane as a
                fraction of the distance that the run has covered, what is far from it is dashed;
                with `loss`, the true one, the best point has a sign.
            variable: `loss`, `accuracy` or another that the slice has.
            split: `train` or `test`.
            scale: `log` or `linear` heights.
            limits: values of the first and the last colour; by default they follow the picture.
            seen: the step looked at, after which the path is faint; None: the last.
            point: alpha and beta of a point that the user looks at.
            level: the loss below which the region is outlined, and its share stated; 0: none.
            rolls: whether the run goes on: its sign rolls from the picture before to this one, and
                the axes glide.
        """
        drawn = drawn_slice(slice_, variable, split, scale, limits)
        self._frame(drawn, glides=rolls)
        title = title_of(reduced(slice_), variable, split)
        self._name_colors(*drawn.range, title, scale, cut=drawn.cut)
        if self._new("broken", drawn.broken):
            self._key.show(not_finite=drawn.broken)
        self._send(self.picture, drawn.picture)
        self._send(self.lines, drawn.lines)
        self._send(self.labels, drawn.labels)
        self._outline(slice_, split, level if variable == "loss" else 0.0)
        path = path if path is None else marked(slice_, path)
        self._explain(path, seen, point)
        self._key.show(lowest_on_slice=drawn.lowest is not None)
        self._trail.update(path, seen=seen, low=drawn.lowest, point=point, rolls=rolls)

    def _outline(self, slice_: xr.Dataset, split: str, level: float) -> None:
        """Outline the region with a loss below a level, and say how much of the slice it is."""
        losses = slice_["loss"].sel(split=split).transpose("beta", "alpha")
        sides = (losses["alpha"].values, losses["beta"].values)
        self._send(self.region, outline(losses.values, *sides, level))
        words = words_of(losses.values, level) if level else ""
        put(self.share, text=words, visible=bool(level), x=float(sides[0][0]),
            y=float(sides[1][-1]))  # fmt: skip

    def scale(self, factor: float) -> None:
        """Make type, lines and signs so many times as large as they are by themselves."""
        enlarge(self.figure, factor / self._factor)
        self._factor = factor
        self._trail.enlarge(factor)

    def add_path(self, name: str, path: xr.Dataset, color: str) -> None:
        """Draw another path, alpha and beta by step, in its colour; it stays."""
        x, y = narrow(path["alpha"].values), narrow(path["beta"].values)
        self.figure.line(x, y, color="#ffffff", width=5, line_join="round")
        line = self.figure.line(x, y, color=color, width=2.4, line_join="round")
        self.figure.scatter(x[-1:], y[-1:], size=9, fill_color=color, line_color="#ffffff")
        self._key.add(name, line)

    def _draw(self) -> None:
        plot = self.figure
        self._colors = LinearColorMapper(palette=list(PALETTE), low=0, high=SHADES + 1)
        self._scale = LinearColorMapper(palette=list(theme.LANDSCAPE), low=0, high=1)
        plot.image(
            image="shades", source=self.picture, color_mapper=self._colors,
            x="x", y="y", dw="width", dh="height",
        )  # fmt: skip
        # Unseen, one pixel for each point: what the pointer reads.
        read = plot.image(
            image="values", source=self.picture, color_mapper=self._scale, global_alpha=0.0,
            x="values_x", y="values_y", dw="values_width", dh="values_height",
        )  # fmt: skip
        plot.line("x_low", "y_low", source=self.lines, color="#ffffff", alpha=0.45)
        plot.line("x_high", "y_high", source=self.lines, color=theme.HALO, alpha=0.4)
        plot.text(
            "x", "y", "text", source=self.labels, color="#ffffff", text_font_size="10px",
            text_font=value(theme.FONT), text_align="center", text_baseline="middle",
            background_fill_color=theme.HALO, background_fill_alpha=0.4, padding=2, border_radius=3,
        )  # fmt: skip
        plot.line("x_low", "y_low", source=self.region, color="#ffffff", width=3)
        self.share = Label(
            x=0, y=0, x_offset=10, y_offset=-10, text="", visible=False, text_color="#ffffff",
            text_font=theme.FONT, text_font_size=theme.NORMAL, text_font_style="bold",
            text_baseline="top", background_fill_color=theme.HALO, background_fill_alpha=0.65,
            padding=6, border_radius=5,
        )  # fmt: skip
        plot.add_layout(self.share)
        words = {"@values": CustomJSHover(code=NUMBER), "@exact": CustomJSHover(code=WHETHER)}
        self._hover = HoverTool(
            renderers=[read], tooltips=exact_tip(("α", "β")),
            formatters={**words, **nearest(self.picture)},
            point_policy="follow_mouse", visible=False,
        )  # fmt: skip
        plot.add_tools(self._hover)

    def _scale_bar(self) -> None:
        self._bar = ColorBar(
            color_mapper=self._scale,
            width=12,
            padding=6,
            label_standoff=5,
            ticker=FixedTicker(ticks=[]),
            major_label_text_font=theme.FONT,
            major_label_text_font_size=theme.SMALL,
            major_label_text_color=theme.MUTED,
            major_tick_line_color="#ffffff",
            major_tick_line_alpha=0.6,
            title_text_color=theme.MUTED,
            title_text_font=theme.FONT,
            title_text_font_style="normal",
            title_text_font_size=theme.NORMAL,
            bar_line_color=None,
        )
        self.figure.add_layout(self._bar, "right")

    def _explain(
        self, path: xr.Dataset | None, seen: int | None, point: tuple[float, float] | None
    ) -> None:
        """Bring the words above the picture in line with the signs on it."""
        every, far, known, moved = 0, False, False, False
        if path is not None and len(path["step"]):
            here = index_of(path, seen)
            every = dots(path["step"].values)[0]
            far = "off" in path and bool((path["off"].values[: here + 1] > OFF).any())
            known = best(path, here) is not None
            moved = is_long(path.isel(step=slice(here + 1)), self._x, self._y)
        if self._new("every", every):
            self._key.items["dots"].label = value(
                f"every {every} steps" if every > 1 else "every step"
            )
        self._key.show(
            start=path is not None, now=path is not None,
            early=moved, late=moved, dots=moved and every > 0,
            lowest_on_path=known, far_off=far, point=point is not None,
        )  # fmt: skip

    def _tap(self, event: Tap) -> None:
        x, y = event.x, event.y
        if x is None or y is None or "frame" not in self._shown:
            return
        left, right, bottom, top = self._shown["frame"]
        if left <= x <= right and bottom <= y <= top:
            self._tapped(float(x), float(y))

    def _frame(self, drawn: DrawnSlice, *, glides: bool) -> None:
        ends = drawn.ends
        if self._new("frame", ends):
            put_ends(self._x, *ends[:2], glides=glides)
            put_ends(self._y, *ends[2:], glides=glides)
        if self._new("names", drawn.names):
            self.figure.xaxis.axis_label, self.figure.yaxis.axis_label = drawn.names
        put(self._hover, tooltips=exact_tip(drawn.short))

    def _name_colors(self, low: float, high: float, title: str, scale: str, *, cut: bool) -> None:
        if not self._new("colors", (low, high, title, scale, cut)):
            return
        ticks = theme.ticks(low, high, scale, cut=cut)
        self._scale.update(low=low, high=high)
        self._bar.ticker.ticks = list(ticks)
        self._bar.update(major_label_overrides=ticks, title=title)

    def _send(self, source: ColumnDataSource, data: dict[str, Any]) -> None:
        """Put data into a source in one message, or in none if they are there already."""
        if not same(source.data, data):
            source.data = data

    def _new(self, name: str, value: Any) -> bool:
        """Whether this differs from what is shown, which is then remembered."""
        changed = self._shown.get(name) != value
        self._shown[name] = value
        return changed

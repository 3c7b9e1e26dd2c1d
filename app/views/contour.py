"""The landscape from above: filled contours, lines of equal loss, the path, the lowest point."""

from typing import Any

import contourpy
import numpy as np
import numpy.typing as npt
import xarray as xr
from bokeh.core.properties import value
from bokeh.models import (
    ColorBar,
    FixedTicker,
    HoverTool,
    LinearColorMapper,
    Range1d,
)
from bokeh.plotting import figure
from scipy.ndimage import zoom

from app import theme

Array = npt.NDArray[np.floating[Any]]

FINER = 3
"""How many times finer than the slice the picture is drawn, linearly between its points."""

SHADES = 254
"""Colour steps between the lowest and the highest height."""

BROKEN = 255
"""The colour index of points that are not finite."""


class Contour:
    """A slice of two dimensions as a picture; `update` shows another."""

    def __init__(self) -> None:
        """An empty figure that fills the space it is given."""
        self._colors = LinearColorMapper(
            palette=list(theme.LANDSCAPE), low=0, high=SHADES, high_color=theme.NOT_FINITE
        )
        self._scale = LinearColorMapper(palette=list(theme.LANDSCAPE), low=0, high=1)
        self._x, self._y = Range1d(-1, 1), Range1d(-1, 1)
        self.figure = figure(
            x_range=self._x,
            y_range=self._y,
            sizing_mode="stretch_both",
            tools="pan,wheel_zoom,box_zoom,reset,save",
            output_backend="canvas",
        )
        # Columns from the start: a figure with a glyph whose column is missing does not open.
        self.image = theme.source("image", "x", "y", "dw", "dh")
        self.values = theme.source("image", "exact", "x", "y", "dw", "dh")
        self.lines = theme.source("xs", "ys")
        self.labels = theme.source("x", "y", "text")
        self.path = theme.source("x", "y")
        self.marks = theme.source("x", "y", "marker", "size", "fill", "line")
        self._draw()
        self._legend()
        self._shown: dict[str, Any] = {}

    def update(
        self,
        slice_: xr.Dataset,
        path: xr.Dataset | None,
        *,
        variable: str = "loss",
        split: str = "train",
        scale: str = "log",
    ) -> None:
        """Show a variable of a slice, and a path on it.

        Args:
            slice_: dims (split, beta, alpha) with `computed` (beta, alpha).
            path: alpha and beta by step, or None.
            variable: `loss`, `accuracy` or another that the slice has.
            split: `train` or `test`.
            scale: `log` or `linear` heights.
        """
        shown = slice_[variable].sel(split=split)
        raw = shown.values
        heights = theme.decimal_log(raw) if scale == "log" else raw
        low, high = theme.limits(heights)
        alpha, beta = shown["alpha"].values, shown["beta"].values
        self._frame(shown, alpha, beta)
        self._height(low, high, f"{split} {variable}", scale)
        box = _box(alpha, beta, FINER)
        self.image.data = {"image": [shaded(heights, low, high)], **box}
        self.values.data = {
            "image": [raw.astype(np.float32)],
            "exact": [slice_["computed"].values.astype(np.uint8)],
            **_box(alpha, beta, 1),
        }
        self._contours(alpha, beta, heights, low, high, scale)
        self._trajectory(path, alpha, beta, raw, lowest=variable == "loss")

    def _draw(self) -> None:
        box = {"x": "x", "y": "y", "dw": "dw", "dh": "dh"}
        plot = self.figure
        plot.image(image="image", source=self.image, color_mapper=self._colors, **box)
        hidden = plot.image(
            image="image", source=self.values, color_mapper=self._scale, global_alpha=0.0, **box
        )
        plot.multi_line("xs", "ys", source=self.lines, color="#ffffff", alpha=0.45, width=1)
        plot.text(
            "x", "y", "text", source=self.labels, color="#ffffff", alpha=0.95,
            text_font_size="10px", text_align="center", text_baseline="middle",
            text_font=value(theme.FONT),
        )  # fmt: skip
        plot.line("x", "y", source=self.path, color="#10181d", alpha=0.65, width=5)
        plot.line("x", "y", source=self.path, color="#ffffff", width=2.4)
        plot.scatter(
            "x", "y", source=self.marks, marker="marker", size="size", fill_color="fill",
            line_color="line", line_width=2,
        )  # fmt: skip
        tips = [("", "($x{0.000}, $y{0.000})"), ("value", "@image{0.0000}"), ("computed", "@exact")]
        plot.add_tools(HoverTool(renderers=[hidden], tooltips=tips, point_policy="follow_mouse"))
        theme.style(plot)
        plot.grid.visible = False

    def _legend(self) -> None:
        self._bar = ColorBar(
            color_mapper=self._scale,
            width=12,
            padding=6,
            label_standoff=5,
            ticker=FixedTicker(ticks=[]),
            major_label_text_font=theme.FONT,
            major_label_text_color=theme.MUTED,
            title_text_color=theme.MUTED,
            title_text_font=theme.FONT,
            title_text_font_style="normal",
            title_text_font_size="12px",
            major_tick_line_color=None,
            bar_line_color=None,
        )
        self.figure.add_layout(self._bar, "right")

    def _frame(self, shown: xr.DataArray, alpha: Array, beta: Array) -> None:
        ends = (alpha[0], alpha[-1], beta[0], beta[-1])
        if self._new("frame", ends):
            self._x.update(start=alpha[0], end=alpha[-1], reset_start=alpha[0], reset_end=alpha[-1])
            self._y.update(start=beta[0], end=beta[-1], reset_start=beta[0], reset_end=beta[-1])
        names = tuple(str(shown[a].attrs.get("long_name", a)) for a in ("alpha", "beta"))
        if self._new("names", names):
            self.figure.xaxis.axis_label, self.figure.yaxis.axis_label = names

    def _height(self, low: float, high: float, title: str, scale: str) -> None:
        if not self._new("height", (low, high, title, scale)):
            return
        ticks = _ticks(low, high)
        self._scale.update(low=low, high=high)
        self._bar.ticker.ticks = ticks
        self._bar.major_label_overrides = {t: worded(t, scale) for t in ticks}
        self._bar.title = title

    def _contours(
        self, alpha: Array, beta: Array, heights: Array, low: float, high: float, scale: str
    ) -> None:
        generator = contourpy.contour_generator(alpha, beta, np.ma.masked_invalid(heights))
        xs, ys, words, at = [], [], [], []
        for i, level in enumerate(np.linspace(low, high, 13)[1:-1]):
            lines = [line for line in generator.lines(level) if len(line) > 2]
            xs += [line[:, 0].astype(np.float32) for line in lines]
            ys += [line[:, 1].astype(np.float32) for line in lines]
            longest = max(lines, key=len, default=None)
            if i % 3 == 1 and longest is not None and len(longest) > 20:
                words.append(worded(level, scale))
                at.append(longest[len(longest) // 3])
        self.lines.data = {"xs": xs, "ys": ys}
        where = np.array(at).reshape(-1, 2)
        self.labels.data = {"x": where[:, 0], "y": where[:, 1], "text": words}

    def _trajectory(
        self, path: xr.Dataset | None, alpha: Array, beta: Array, raw: Array, *, lowest: bool
    ) -> None:
        marks: list[tuple[float, float, str, int, str, str]] = []
        if np.isfinite(raw).any() and lowest:
            safe = np.where(np.isfinite(raw), raw, np.inf)
            row, column = np.unravel_index(safe.argmin(), raw.shape)
            marks.append((alpha[column], beta[row], "x", 12, "#ffffff", "#ffffff"))
        if path is None:
            self.path.data = {"x": [], "y": []}
        else:
            x, y = path["alpha"].values, path["beta"].values
            self.path.data = {"x": x.astype(np.float32), "y": y.astype(np.float32)}
            marks.append((x[0], y[0], "circle", 9, "#10181d", "#ffffff"))
            marks.append((x[-1], y[-1], "circle", 14, theme.CURRENT, "#ffffff"))
        names = ("x", "y", "marker", "size", "fill", "line")
        self.marks.data = {name: [mark[i] for mark in marks] for i, name in enumerate(names)}

    def _new(self, name: str, value: Any) -> bool:
        """Whether this differs from what is shown, which is then remembered."""
        changed = self._shown.get(name) != value
        self._shown[name] = value
        return changed


def shaded(heights: Array, low: float, high: float) -> npt.NDArray[np.uint8]:
    """The colour index of each pixel, `FINER` times as many as points; `BROKEN` if not finite."""
    finite = np.isfinite(heights)
    filled = np.where(finite, heights, high)
    fine = zoom(filled, _zoomed(heights), order=1, grid_mode=False)
    share = (fine - low) / (high - low)
    shades = np.clip(share * SHADES, 0, SHADES).astype(np.uint8)
    if not finite.all():
        nearest = zoom(finite.astype(np.uint8), _zoomed(heights), order=0, grid_mode=False)
        shades[nearest == 0] = BROKEN
    return shades


def worded(height: float, scale: str) -> str:
    """A height as people read it: the loss itself, also on a logarithmic scale."""
    return f"{10**height if scale == 'log' else height:.3g}"


def _zoomed(heights: Array) -> tuple[float, ...]:
    return tuple(((n - 1) * FINER + 1) / n for n in heights.shape)


def _box(alpha: Array, beta: Array, finer: int) -> dict[str, list[float]]:
    """Where an image lies whose outermost pixels are centred on the outermost points."""
    dx = (alpha[-1] - alpha[0]) / ((len(alpha) - 1) * finer)
    dy = (beta[-1] - beta[0]) / ((len(beta) - 1) * finer)
    return {
        "x": [alpha[0] - dx / 2],
        "y": [beta[0] - dy / 2],
        "dw": [alpha[-1] - alpha[0] + dx],
        "dh": [beta[-1] - beta[0] + dy],
    }


def _ticks(low: float, high: float) -> list[float]:
    return [float(t) for t in np.linspace(low, high, 6)]

"""The data, and what the network says over the inputs."""

from typing import Any

import contourpy
import numpy as np
import numpy.typing as npt
import xarray as xr
from bokeh.core.properties import value
from bokeh.models import Label, Legend, LegendItem, LinearColorMapper, Range1d, Title
from bokeh.plotting import figure

from landscape_lab.figures import theme
from landscape_lab.figures.bokeh.axes import put
from landscape_lab.figures.bokeh.sizes import Scaled
from landscape_lab.figures.once import Once, digests
from landscape_lab.figures.pixels import (
    PALETTE,
    SHADES,
    Array,
    Bytes,
    box,
    finer,
    narrow,
    same,
    shaded,
)

BOX = ("x", "y", "width", "height")
POINT = ("x", "y", "fill", "line")

PALE = 0.35
"""How far the colours behind the points are mixed with white, where the network is certain."""

DENSE, DENSE_LINE = 400, 60
"""More points than this are drawn small: in the plane; along a curve, where none has a halo."""

ONCE = Once()
"""What pages of this process have drawn lately: a class watches the same network."""

DEGREES = 12
"""Degrees of confidence that are distinguished by the colour of each class."""


class Boundary(Scaled):
    """Points over the decision boundary, or over the network's curve where inputs are numbers."""

    def __init__(self) -> None:
        """An empty figure that fills the space it is given."""
        self._x, self._y = Range1d(0, 1), Range1d(0, 1)
        self.figure = figure(x_range=self._x, y_range=self._y, tools="", sizing_mode="stretch_both")
        self.image, self.points = theme.source("image", *BOX), theme.source(*POINT)
        self.edge, self.curve = theme.source("x", "y"), theme.source("x", "y")
        self._mapper = LinearColorMapper(palette=["#ffffff", "#ffffff"], low=0, high=1)
        self._points: xr.Dataset | None = None
        self._draw()
        theme.style(self.figure)
        self.figure.grid.visible = False
        self.figure.toolbar_location = None
        self.figure.update(min_border_left=44, min_border_right=12)

    def update(
        self, boundary: xr.Dataset, points: xr.Dataset, words: str = "", *, over: bool = False
    ) -> None:
        """Show the network's answers and the data.

        Args:
            boundary: `score` and `confidence` (y, x), or `output` (x); the attribute `classes`
                says how many there are, 0 for numbers.
            points: x, y, `target` and `split` by point; without y the target is the height.
            words: which network it is, where it is not that of the run.
            over: whether the words are laid over the picture, so that nothing moves.
        """
        put(self._title, text="" if over else words, visible=bool(words) and not over)
        put(self._over, text=words if over else "", visible=bool(words) and over)
        if self._points is not points:
            self._points = points
            self._scatter(boundary, points)
        if "output" in boundary:
            self._send(
                self.curve,
                {"x": narrow(boundary["x"].values), "y": narrow(boundary["output"].values)},
            )
            return
        x, y = boundary["x"].values, boundary["y"].values
        score, confidence = boundary["score"].values, boundary["confidence"].values
        classes = int(boundary.attrs.get("classes", 2))
        shades, edges = ONCE.get(
            boundary,
            (classes, *digests(x, y, score, confidence)),
            lambda: (colored(score, confidence, classes), _edges(x, y, score, classes)),
        )
        self._send(
            self.image,
            {
                name: [thing]
                for name, thing in ({"image": shades} | box(x, y, shades.shape)).items()
            },
        )
        self._send(self.edge, {"x": narrow(edges[:, 0]), "y": narrow(edges[:, 1])})

    def empty(self, text: str) -> None:
        """Show a line of text and no data."""
        if self._note.text == text:
            return
        self._points = None
        put(self._title, visible=False)
        put(self._over, visible=False)
        for source in (self.image, self.points, self.edge, self.curve):
            self._send(source, {name: [] for name in source.data})
        self._x.update(start=0, end=1)
        self._y.update(start=0, end=1)
        self.figure.axis.visible = self._legend.visible = False
        self._note.text = text

    def _draw(self) -> None:
        plot = self.figure
        plot.image(
            image="image", source=self.image, color_mapper=self._mapper,
            x="x", y="y", dw="width", dh="height",
        )  # fmt: skip
        plot.line("x", "y", source=self.edge, color=theme.HALO, width=1.2, alpha=0.7)
        self._dots = plot.scatter(
            "x", "y", source=self.points, size=5.5, fill_color="fill", line_color="line",
            line_width=1.2,
        )  # fmt: skip
        plot.line("x", "y", source=self.curve, color=theme.SURFACE, width=6, alpha=0.7)
        curve = plot.line("x", "y", source=self.curve, color=theme.CURRENT, width=3)
        signs = {"train": (theme.MUTED, theme.SURFACE), "test": (theme.SURFACE, theme.MUTED)}
        items = [
            LegendItem(
                label=value(split),
                renderers=[
                    plot.scatter(
                        [np.nan], [np.nan], fill_color=fill, line_color=line, line_width=1.2
                    )
                ],
            )
            for split, (fill, line) in signs.items()
        ]
        self._splits = dict(zip(signs, items, strict=True))
        self._curve_item = LegendItem(label=value("network"), renderers=[curve], visible=False)
        self._legend = Legend(items=[*items, self._curve_item])
        theme.key(self._legend)
        plot.add_layout(self._legend, "above")
        self._title = Title(
            text="", text_font=theme.FONT, text_font_size=theme.SMALL, text_font_style="normal",
            text_color=theme.INK, text_line_height=1.3, visible=False,
        )  # fmt: skip
        plot.add_layout(self._title, "above")
        self._note = Label(
            x=0.5, y=0.5, text="", text_align="center", text_baseline="middle",
            text_font=theme.FONT, text_font_size=theme.NORMAL, text_color=theme.MUTED,
        )  # fmt: skip
        plot.add_layout(self._note)
        self._over = Label(
            x=6, y=6, x_units="screen", y_units="screen", text="", text_baseline="bottom",
            text_font=theme.FONT, text_font_size=theme.SMALL, text_color=theme.INK,
            text_line_height=1.3, background_fill_color=theme.SURFACE, background_fill_alpha=0.88,
            padding=4, border_radius=3, visible=False,
        )  # fmt: skip
        plot.add_layout(self._over)

    def _scatter(self, boundary: xr.Dataset, points: xr.Dataset) -> None:
        """Draw the points, and set all that depends on the data alone."""
        line = "output" in boundary
        x = points["x"].values
        y = points["y" if "y" in points else "target"].values
        dense = len(x) > (DENSE_LINE if line else DENSE)
        put(self._dots.glyph, size=4.0 if dense else 5.5, line_width=0.8 if dense else 1.2)
        target = np.zeros(len(x), int) if line else points["target"].values.astype(int)
        colors = np.array(theme.CLASSES)[target % len(theme.CLASSES)]
        train = points["split"].values == "train" if "split" in points else np.ones(len(x), bool)
        self._send(
            self.points,
            {
                "x": narrow(x),
                "y": narrow(y),
                "fill": np.where(train, colors, theme.SURFACE).tolist(),
                "line": np.where(train & (not (line and dense)), theme.SURFACE, colors).tolist(),
            },
        )
        for source in (self.image, self.edge) if line else (self.curve,):
            self._send(source, {name: [] for name in source.data})
        self._note.text = ""
        self.figure.axis.visible = self._legend.visible = True
        self._curve_item.visible = line
        for split, item in self._splits.items():
            put(item, visible=bool((train if split == "train" else ~train).any()))
        self._x.update(start=float(boundary["x"][0]), end=float(boundary["x"][-1]))
        low, high = (float(y.min()), float(y.max())) if line else boundary["y"].values[[0, -1]]
        more = 0.2 * (high - low) if line else 0.0
        self._y.update(start=float(low - more), end=float(high + more))
        palette = palette_of(int(boundary.attrs.get("classes", 2)))
        self._mapper.update(palette=palette, high=len(palette) - 1)

    def _send(self, source: Any, data: dict[str, Any]) -> None:
        if not same(source.data, data):
            source.data = data


def colored(score: Array, confidence: Array, classes: int) -> Bytes:
    """The colour index of each pixel, finer than the points and smooth where that has a meaning.

    Two classes: the probability of class 1. More: the class and how certain it is. Numbers: the
    output between its own least and greatest.
    """
    if classes > 2:
        known = np.isfinite(score) & np.isfinite(confidence)
        certain = (np.where(known, confidence, 0.0) - 1 / classes) / (1 - 1 / classes)
        degree = np.clip(certain * DEGREES, 0, DEGREES - 1)
        index = np.where(known, score, 0).astype(int) % len(theme.CLASSES) * DEGREES + degree
        return np.where(known, index, len(theme.CLASSES) * DEGREES).astype(np.uint8)
    fine, holes = finer(score)
    low, high = (0.0, 1.0) if classes == 2 else theme.limits(score)
    return shaded(fine, holes, low, high)


def _edges(x: Array, y: Array, score: Array, classes: int) -> npt.NDArray[np.float64]:
    """The line between two classes, with gaps, shape (N, 2)."""
    if classes != 2:
        return np.empty((0, 2))
    found = contourpy.contour_generator(
        x=x, y=y, z=np.ma.masked_invalid(score), line_type=contourpy.LineType.ChunkCombinedNan
    ).lines(0.5)[0][0]
    return np.empty((0, 2)) if found is None else np.asarray(found)


def palette_of(classes: int) -> list[str]:
    """The colour of each index that `colored` gives."""
    broken = [theme.NOT_FINITE_STRIPE, theme.NOT_FINITE]
    pale = [theme.mixed(color, theme.SURFACE, PALE) for color in theme.CLASSES]
    if classes == 2:
        return [*theme.ramp((pale[0], "#f7f7f5", pale[1]), SHADES), *broken]
    if classes > 2:
        return [c for p in pale for c in theme.ramp(("#f7f7f5", p), DEGREES)] + broken[:1]
    return list(PALETTE)

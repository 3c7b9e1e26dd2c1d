"""A lab's pictures as a small SVG image: the shapes of its marks, without numbers and words."""

import base64
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from landscape_lab.figures import theme
from landscape_lab.figures.bokeh.marked_panel import ShapedPanel, shaped
from landscape_lab.figures.bokeh.marked_shapes import ARROWS, Shape
from landscape_lab.figures.lab_pictures import marks as m
from landscape_lab.figures.lab_pictures.reading import declared, panels
from landscape_lab.figures.pixels import Array

WIDTH, HEIGHT, GAP = 288, 112, 10
"""Of the image, and between two pictures, in its own pixels."""

MOST = 3
"""Pictures in an image: the first ones of the lab."""

MARGIN = 3
"""Pixels around each picture: axes and the ends of lines are inside."""

THIN, SMALL = 0.75, 0.45
"""Widths of lines and sizes of dots, relative to those of a figure."""

NEAR = 1.0
"""Points of a line nearer than so many pixels to the one before are left out."""

FLAT = 0.2
"""Points of a line nearer than so many pixels to the straight line between others, too."""

MOST_CELLS = 64
"""Cells along a side of a map, at most; of more, every second, third or so is drawn."""

HEAD = 2.6
"""The length of the head of an arrow, in pixels."""


def thumbnail(dataset: xr.Dataset) -> str:
    """The first pictures of a lab's dataset side by side, of its first seed; empty without any."""
    every = (panel for one in declared(dataset) for panel in panels(dataset, one))
    found = [panel for _, panel in zip(range(MOST), every, strict=False)]
    if not found:
        return ""
    wide = (WIDTH - GAP * (len(found) - 1)) / len(found)
    drawn = [_panel(panel, at * (wide + GAP), wide) for at, panel in enumerate(found)]
    box = f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" {box}>', *drawn, "</svg>\n"])


@dataclass(frozen=True, eq=False)
class _Frame:
    """Where places on the axes of a panel lie, in pixels from its upper left corner."""

    panel: ShapedPanel
    width: float
    equal: bool

    def x(self, places: Any) -> Array:
        """Pixels from the left."""
        share, unit = self._shares(places, self.panel.across, self.panel.ground.x.scale)
        wide = self.width - 2 * MARGIN
        return np.asarray(self.width / 2 + (share - 0.5) * (unit * self._unit() or wide))

    def y(self, places: Any) -> Array:
        """Pixels from the top."""
        share, unit = self._shares(places, self.panel.up, self.panel.ground.y.scale)
        return np.asarray(HEIGHT / 2 - (share - 0.5) * (unit * self._unit() or HEIGHT - 2 * MARGIN))

    def _unit(self) -> float:
        """Pixels of a unit where both axes have the same; else 0."""
        if not self.equal:
            return 0.0
        (left, right), (low, high) = self.panel.across, self.panel.up
        return min((self.width - 2 * MARGIN) / (right - left), (HEIGHT - 2 * MARGIN) / (high - low))

    @staticmethod
    def _shares(places: Any, ends: tuple[float, float], scale: str) -> tuple[Array, float]:
        """How far along an axis places lie, 0 to 1; and its extent."""
        with np.errstate(all="ignore"):
            low, high = np.log10(ends) if scale == "log" else ends
            values = np.asarray(places, float)
            values = np.log10(values) if scale == "log" else values
        return (values - low) / (high - low), float(high - low)


def _panel(panel: m.Panel, left: float, width: float) -> str:
    found = shaped(panel)
    frame = _Frame(found, width, panel.equal)
    drawn = [
        line
        for shape in found.shapes
        for line in DRAWN[shape.kind if shape.kind == ARROWS else shape.kind.__name__](shape, frame)
    ]
    if not any(isinstance(mark, m.Cells) for mark in panel.marks):
        bottom, side = HEIGHT - 1, 1
        drawn.insert(0, _stroke(f"M{side} 1V{bottom}H{_n(width - 1)}", theme.FRAME, 1.0))
    inside = "\n".join(drawn)
    return f'<svg x="{_n(left)}" width="{_n(width)}" height="{HEIGHT}">\n{inside}\n</svg>'


def _line(shape: Shape, frame: _Frame) -> Iterator[str]:
    style, data = shape.style, shape.data
    path = _path(frame.x(data["x"]), frame.y(data["y"]))
    dash = ' stroke-dasharray="4 3"' if style["line_dash"] else ""
    yield _stroke(path, style["line_color"], style["line_width"], style["line_alpha"], dash)


def _lines(shape: Shape, frame: _Frame) -> Iterator[str]:
    paths: dict[str, str] = {}
    for x, y, color in zip(*(shape.data[name] for name in ("xs", "ys", "color")), strict=True):
        paths[color] = paths.get(color, "") + _path(frame.x(x), frame.y(y))
    for color, path in paths.items():
        yield _stroke(path, color, shape.style["line_width"], shape.style["line_alpha"])


def _dots(shape: Shape, frame: _Frame) -> Iterator[str]:
    data, paths = shape.data, dict[tuple[str, str], str]()
    x, y = frame.x(data["x"]), frame.y(data["y"])
    for at in np.flatnonzero(np.isfinite(x) & np.isfinite(y)):
        look = data["color"][at], _n(max(1.6, SMALL * data["size"][at]))
        paths[look] = paths.get(look, "") + f"M{_n(x[at])} {_n(y[at])}h0"
    for (color, size), path in paths.items():
        opacity = shape.style["fill_alpha"]
        yield _stroke(path, color, float(size) / THIN, opacity, ' stroke-linecap="round"')


def _segments(shape: Shape, frame: _Frame) -> Iterator[str]:
    style = shape.style
    opacity = style["opacity"] if shape.kind == ARROWS else style["line_alpha"]
    width = 1.2 if shape.kind == ARROWS else style["line_width"]
    paths: dict[str, str] = {}
    drawn: set[tuple[object, ...]] = set()
    ends = zip(
        frame.x(shape.data["x0"]), frame.y(shape.data["y0"]),
        frame.x(shape.data["x1"]), frame.y(shape.data["y1"]), shape.data["color"], strict=True,
    )  # fmt: skip
    for x0, y0, x1, y1, color in ends:
        where = (*np.rint([x0, y0, x1, y1]).tolist(), color)
        if np.isfinite(where[:4]).all() and where not in drawn:  # one upon the other is not seen
            drawn.add(where)
            head = _head(x0, y0, x1, y1) if shape.kind == ARROWS else ""
            path = f"M{_n(x0)} {_n(y0)}L{_n(x1)} {_n(y1)}{head}"
            paths[color] = paths.get(color, "") + path
    for color, path in paths.items():
        yield _stroke(path, color, width, opacity)


def _head(x0: float, y0: float, x1: float, y1: float) -> str:
    """The head of an arrow that is longer than it."""
    length = float(np.hypot(x1 - x0, y1 - y0))
    if length < 2 * HEAD:
        return ""
    along, aside = (x1 - x0) * HEAD / length, (y1 - y0) * HEAD / length
    first = f"M{_n(x1 - along - aside / 2)} {_n(y1 - aside + along / 2)}"
    return f"{first}L{_n(x1)} {_n(y1)}L{_n(x1 - along + aside / 2)} {_n(y1 - aside - along / 2)}"


def _patch(shape: Shape, frame: _Frame) -> Iterator[str]:
    path = _path(frame.x(shape.data["x"]), frame.y(shape.data["y"]))
    yield _fill(path + "Z", shape.style)


def _between(shape: Shape, frame: _Frame) -> Iterator[str]:
    x = frame.x(shape.data["x"])
    low, high = (frame.y(shape.data[name]) for name in ("y1", "y2"))
    around = _path(np.concatenate([x, x[::-1]]), np.concatenate([low, high[::-1]]))
    yield _fill(around + "Z", shape.style)


def _boxes(shape: Shape, frame: _Frame) -> Iterator[str]:
    across = frame.x(shape.data["left"]), frame.x(shape.data["right"])
    up = frame.y(shape.data["top"]), frame.y(shape.data["bottom"])
    boxes = (
        f"M{_n(left)} {_n(top)}H{_n(right)}V{_n(bottom)}H{_n(left)}Z"
        for left, right, top, bottom in zip(*across, *up, strict=True)
        if np.isfinite([left, right, top, bottom]).all()
    )
    yield _fill("".join(boxes), shape.style)


def _strip(shape: Shape, frame: _Frame) -> Iterator[str]:
    for left, right in zip(frame.x(shape.data["x0"]), frame.x(shape.data["x1"]), strict=True):
        yield _fill(f"M{_n(left)} 0H{_n(right)}V{HEIGHT}H{_n(left)}Z", shape.style)


def _span(shape: Shape, frame: _Frame) -> Iterator[str]:
    flat = shape.kind.__name__ == "HSpan"
    places = frame.y(shape.data["y"]) if flat else frame.x(shape.data["x"])
    ends = (
        f"M0 {_n(at)}H{_n(frame.width)}" if flat else f"M{_n(at)} 0V{HEIGHT}"
        for at in places[np.isfinite(places)]
    )
    dash = ' stroke-dasharray="4 3"' if shape.style["line_dash"] else ""
    yield _stroke("".join(ends), shape.style["line_color"], 1.2, 1.0, dash)


def _image(shape: Shape, frame: _Frame) -> Iterator[str]:
    data = {name: values[0] for name, values in shape.data.items()}
    left, right = frame.x([data["x"], data["x"] + data["dw"]])
    bottom, top = frame.y([data["y"], data["y"] + data["dh"]])
    where = f'x="{_n(left)}" y="{_n(top)}" width="{_n(right - left)}" height="{_n(bottom - top)}"'
    look = 'preserveAspectRatio="none" style="image-rendering:pixelated"'
    yield f'<image {where} {look} href="data:image/png;base64,{_png(data["image"])}"/>'


def _png(image: np.ndarray) -> str:
    """Pixels of four bytes, the lowest row first, as a PNG in base64."""
    from PIL import Image

    down, right = (-(-side // MOST_CELLS) for side in image.shape)
    pixels = np.ascontiguousarray(image[::down, ::right][::-1])
    written = io.BytesIO()
    Image.fromarray(pixels.view(np.uint8).reshape(*pixels.shape, 4)).save(
        written, "png", optimize=True
    )
    return base64.b64encode(written.getvalue()).decode()


def _path(x: Array, y: Array) -> str:
    """A line through points as an SVG path; interrupted where one is not finite."""
    words: list[str] = []
    finite = np.isfinite(x) & np.isfinite(y)
    ends = np.flatnonzero(np.diff(np.concatenate([[False], finite, [False]])))
    for first, end in zip(ends[::2], ends[1::2], strict=True):
        places = _straight(_apart(np.stack([x[first:end], y[first:end]], axis=1)))
        words += [f"{'L' if at else 'M'}{_n(u)} {_n(v)}" for at, (u, v) in enumerate(places)]
    return "".join(words)


def _apart(places: Array) -> Array:
    """The points (N, 2) of a line without those near the one before; both ends stay."""
    kept = [0]
    for at in range(1, len(places)):
        if at == len(places) - 1 or np.hypot(*(places[at] - places[kept[-1]])) >= NEAR:
            kept.append(at)
    return places[kept]


def _straight(places: Array) -> Array:
    """The points (N, 2) of a line without those on the straight line between others.

    Douglas and Peucker, 1973.
    """
    kept, parts = np.zeros(len(places), bool), [(0, len(places) - 1)]
    kept[[0, -1]] = True
    while parts:
        first, last = parts.pop()
        chord, inner = places[last] - places[first], places[first + 1 : last] - places[first]
        length = np.hypot(*chord)
        across = inner[:, 0] * chord[1] - inner[:, 1] * chord[0]
        away = np.abs(across) / length if length else np.hypot(*inner.T)
        if len(away) and away.max() > FLAT:
            middle = first + 1 + int(away.argmax())
            kept[middle] = True
            parts += [(first, middle), (middle, last)]
    return places[kept]


def _stroke(path: str, color: str, width: float, opacity: float = 1.0, more: str = "") -> str:
    faint = f' stroke-opacity="{_n(opacity)}"' if opacity < 1 else ""
    return (
        f'<path fill="none" stroke="{color}" stroke-width="{_n(THIN * width)}"{faint}{more}'
        f' d="{path}"/>'
    )


def _fill(path: str, style: dict[str, Any]) -> str:
    faint = f' fill-opacity="{_n(style["fill_alpha"])}"' if style["fill_alpha"] < 1 else ""
    return f'<path fill="{style["fill_color"]}"{faint} d="{path}"/>'


def _n(value: float) -> str:
    """A number of pixels, short; far outside of the image it is cut."""
    word = f"{min(9999.0, max(-9999.0, value)):.1f}".removesuffix(".0")
    return "0" if word == "-0" else word


DRAWN: dict[str, Callable[[Shape, _Frame], Iterator[str]]] = {
    ARROWS: _segments,
    "HSpan": _span,
    "ImageRGBA": _image,
    "Line": _line,
    "MultiLine": _lines,
    "Patch": _patch,
    "Quad": _boxes,
    "Scatter": _dots,
    "Segment": _segments,
    "VArea": _between,
    "VSpan": _span,
    "VStrip": _strip,
}
"""How each kind of shape is drawn."""

"""Marks as Bokeh's glyphs: for each mark the shapes that it consists of, with their data."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from bokeh.models import HSpan, Line, MultiLine, Patch, Quad, Scatter, Segment, VArea, VSpan, VStrip
from bokeh.models.glyphs import ImageRGBA

from landscape_lab.figures import theme
from landscape_lab.figures.bokeh.marked_sides import Side
from landscape_lab.figures.lab_pictures import marks as m
from landscape_lab.figures.pixels import Array

PALE = 0.25
"""Opacity of cells that are not kept."""

FINE = 300
"""Pixels along a side of cells that differ in their size."""

DASHES = [6, 4]


@dataclass(frozen=True)
class Sign:
    """What a legend says of a mark: a word, and a line, an area or a dot in its colour."""

    label: str
    color: str
    shape: str = "line"
    dashed: bool = False
    opacity: float = 1.0


@dataclass(frozen=True)
class Shape:
    """A glyph with its columns and its style; `arrows` alone has no glyph."""

    kind: Any
    data: dict[str, Any]
    style: dict[str, Any] = field(default_factory=dict)
    sign: Sign | None = None


ARROWS = "arrows"
"""The kind of shapes that are arrows, which Bokeh draws otherwise than glyphs."""


@dataclass(frozen=True)
class Ground:
    """Where marks are drawn: the sides, and where bars stand."""

    x: Side
    y: Side
    base: float = 0.0


def shapes(mark: m.Mark, ground: Ground) -> list[Shape]:
    """The shapes of a mark, from below."""
    return list(SHAPES[type(mark)](mark, ground))


def _line(mark: m.Line, ground: Ground) -> Iterator[Shape]:
    data = {"x": ground.x.places(mark.x), "y": ground.y.places(mark.y)}
    style = {"line_color": mark.color, "line_width": mark.width, "line_alpha": mark.opacity,
            "line_dash": DASHES if mark.dashed else []}  # fmt: skip
    seen = theme.INK if mark.color == theme.PATH else mark.color  # on the ground of a legend
    sign = Sign(mark.label, seen, "line", mark.dashed, mark.opacity)
    yield Shape(Line, data, style, sign)
    alone = int((np.isfinite(data["x"]) & np.isfinite(data["y"])).sum()) == 1
    if mark.dots or alone:  # a line through one point shows nothing
        size = np.full(len(data["x"]), 5.0)
        color = [mark.color] * len(size)
        yield Shape(Scatter, {**data, "size": size, "color": color}, {"fill_alpha": mark.opacity})


def _band(mark: m.Band, ground: Ground) -> Iterator[Shape]:
    x, low, high = (
        ground.x.places(mark.x), ground.y.places(mark.low), ground.y.places(mark.high)
    )  # fmt: skip
    known = np.isfinite(x) & np.isfinite(low) & np.isfinite(high)
    data = {"x": x[known], "y1": low[known], "y2": high[known]}
    yield Shape(VArea, data, {"fill_color": mark.color, "fill_alpha": mark.opacity})


def _dots(mark: m.Dots, ground: Ground) -> Iterator[Shape]:
    x, y = ground.x.places(mark.x), ground.y.places(mark.y)
    colors = _each(mark.color, len(x))
    size = np.broadcast_to(np.asarray(mark.size, float), x.shape).copy()
    sign = Sign(mark.label, next(iter(colors), theme.ACCENT), "dot", opacity=mark.opacity)
    yield Shape(
        Scatter,
        {"x": x, "y": y, "size": size, "color": colors},
        {"fill_alpha": mark.opacity},
        sign,
    )


def _arrows(mark: m.Arrows, ground: Ground) -> Iterator[Shape]:
    data: dict[str, Any] = {
        "x0": ground.x.places(mark.x0), "y0": ground.y.places(mark.y0),
        "x1": ground.x.places(mark.x1), "y1": ground.y.places(mark.y1),
    }  # fmt: skip
    known = np.all([np.isfinite(column) for column in data.values()], axis=0)
    colors = _each(mark.color, len(known))
    data = {name: column[known] for name, column in data.items()}
    data["color"] = [colors[at] for at in np.flatnonzero(known)]
    sign = Sign(mark.label, next(iter(colors), theme.ACCENT), opacity=mark.opacity)
    if mark.heads:
        yield Shape(ARROWS, data, {"opacity": mark.opacity}, sign)
    else:
        yield Shape(Segment, data, {"line_alpha": mark.opacity, "line_width": 1.2}, sign)


def _bars(mark: m.Bars, ground: Ground) -> Iterator[Shape]:
    x, half = np.asarray(mark.x, float), mark.width / 2
    data = {
        "left": ground.x.places(x - half), "right": ground.x.places(x + half),
        "bottom": np.full(len(x), ground.base), "top": ground.y.places(mark.height),
    }  # fmt: skip
    sign = Sign(mark.label, mark.color, "area")
    yield Shape(Quad, data, {"fill_color": mark.color, "fill_alpha": 1.0, "line_color": None}, sign)
    if mark.low is not None and mark.high is not None:
        at = ground.x.places(x)
        errors = {"x0": at, "x1": at, "y0": ground.y.places(mark.low),
                  "y1": ground.y.places(mark.high), "color": [theme.INK] * len(x)}  # fmt: skip
        yield Shape(Segment, errors, {"line_alpha": 1.0, "line_width": 1.2})


def _ticks(mark: m.Ticks, ground: Ground) -> Iterator[Shape]:
    x, y = np.asarray(mark.x, float), ground.y.places(mark.y)
    data = {
        "x0": ground.x.places(x - mark.width / 2), "x1": ground.x.places(x + mark.width / 2),
        "y0": y, "y1": y, "color": [mark.color] * len(x),
    }  # fmt: skip
    yield Shape(Segment, data, {"line_alpha": 1.0, "line_width": 2.4}, Sign(mark.label, mark.color))


def _cells(mark: m.Cells, ground: Ground) -> Iterator[Shape]:
    x, y = ground.x.places(mark.x), ground.y.places(mark.y)
    rows, columns = _pixels(y, ground.y.scale), _pixels(x, ground.x.scale)
    image = np.ascontiguousarray(colored(mark)[np.ix_(rows, columns)])
    data = {
        "image": [image], "x": [float(x[0])], "y": [float(y[0])],
        "dw": [float(x[-1] - x[0])], "dh": [float(y[-1] - y[0])],
    }  # fmt: skip
    yield Shape(ImageRGBA, data)


def cell_limits(mark: m.Cells) -> tuple[float, float]:
    """The heights of the first and the last colour: logarithms on a logarithmic scale."""
    finite = mark.values[np.isfinite(mark.values) & ((mark.values > 0) | (mark.scale != "log"))]
    own = (float(finite.min()), float(finite.max())) if finite.size else (0.1, 1.0)
    low, high = mark.limits or own
    if mark.scale == "log":
        low, high = float(np.log10(low)), float(np.log10(high))
    half = 0.5 * max(1.0, abs(low))
    return (low, high) if high > low else (low - half, high + half)


def colored(mark: m.Cells) -> np.ndarray:
    """The colour of each cell as a number of four bytes; nothing where no value is drawn."""
    palette = np.array(
        [[int(color[at : at + 2], 16) for at in (1, 3, 5)] for color in cell_colors(mark)]
    )
    low, high = cell_limits(mark)
    with np.errstate(all="ignore"):
        heights = np.log10(mark.values) if mark.scale == "log" else np.asarray(mark.values, float)
    drawn = np.isfinite(heights)
    share = (np.where(drawn, heights, low) - low) / (high - low)
    index = np.clip(np.rint(share * (len(palette) - 1)), 0, len(palette) - 1).astype(int)
    pixels = np.zeros((*heights.shape, 4), np.uint8)
    pixels[..., :3] = palette[index]
    opacity = 1.0 if mark.kept is None else np.where(mark.kept > 0, 1.0, PALE)
    pixels[..., 3] = np.where(drawn, 255 * opacity, 0)
    found: np.ndarray = pixels.view(np.uint32)[..., 0]
    return found


def cell_colors(mark: m.Cells) -> tuple[str, ...]:
    """The colours of cells from low to high."""
    return mark.colors or theme.LANDSCAPE


def _pixels(edges: Array, scale: str) -> np.ndarray:
    """Which cell each pixel along a side shows; a pixel a cell where all are equally large."""
    places = np.log(edges) if scale == "log" else edges
    sizes = np.diff(places)
    if np.allclose(sizes, sizes[0], rtol=1e-3):
        return np.arange(len(sizes))
    middles = places[0] + (places[-1] - places[0]) * (np.arange(FINE) + 0.5) / FINE
    return np.clip(np.searchsorted(places, middles, "right") - 1, 0, len(sizes) - 1)


def _contours(mark: m.Contours, ground: Ground) -> Iterator[Shape]:
    from contourpy import contour_generator  # which Bokeh brings

    xs: list[Array] = []
    ys: list[Array] = []
    colors: list[str] = []
    if np.isfinite(mark.values).any():
        made: Any = contour_generator(mark.x, mark.y, np.ma.masked_invalid(mark.values))
        shades = theme.LANDSCAPE
        for number, level in enumerate(mark.levels):
            hue = shades[round(number * (len(shades) - 1) / max(1, len(mark.levels) - 1))]
            for line in made.lines(float(level)):
                xs.append(ground.x.places(line[:, 0]))
                ys.append(ground.y.places(line[:, 1]))
                colors.append(mark.color or hue)
    data = {"xs": xs, "ys": ys, "color": colors}
    yield Shape(MultiLine, data, {"line_width": 0.8, "line_alpha": 0.6})


def _area(mark: m.Area, ground: Ground) -> Iterator[Shape]:
    data = {"x": ground.x.places(mark.x), "y": ground.y.places(_lifted(mark.y, ground))}
    style = {"fill_color": mark.color, "fill_alpha": mark.opacity, "line_color": None}
    yield Shape(Patch, data, style, Sign(mark.label, mark.color, "area", opacity=mark.opacity))


def _lifted(y: Array, ground: Ground) -> Array:
    """Heights of an outline; what stands on zero stands at the base of a logarithmic axis."""
    return np.where(y <= 0, ground.base, y) if ground.y.scale == "log" else y


def _span(mark: m.Span, ground: Ground) -> Iterator[Shape]:
    ends = ground.x.places([mark.start, mark.end])
    data = {"x0": ends[:1], "x1": ends[1:]}
    style = {"fill_color": mark.color, "fill_alpha": 0.35, "line_color": None}
    yield Shape(VStrip, data, style, Sign(mark.label, mark.color, "area", opacity=0.35))


def _rule(mark: m.Rule, ground: Ground) -> Iterator[Shape]:
    sign = Sign(mark.label, mark.color, dashed=True)
    style: dict[str, Any] = {"line_color": mark.color, "line_width": 1.2}
    if mark.y is not None:
        yield Shape(HSpan, {"y": ground.y.places([mark.y])}, {**style, "line_dash": DASHES}, sign)
    if mark.x is not None:
        dashes = DASHES if mark.label else []
        yield Shape(VSpan, {"x": ground.x.places([mark.x])}, {**style, "line_dash": dashes}, sign)


def _each(color: str | list[str], count: int) -> list[str]:
    return [color] * count if isinstance(color, str) else list(color)


SHAPES: dict[type, Callable[[Any, Ground], Iterator[Shape]]] = {
    m.Line: _line,
    m.Band: _band,
    m.Dots: _dots,
    m.Arrows: _arrows,
    m.Bars: _bars,
    m.Ticks: _ticks,
    m.Cells: _cells,
    m.Contours: _contours,
    m.Area: _area,
    m.Span: _span,
    m.Rule: _rule,
}
"""How each kind of mark is drawn."""

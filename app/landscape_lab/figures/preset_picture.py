"""A preset as a small SVG image: its slice with the path, in 2-D or 3-D, or curves by step."""

import base64
import io
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from landscape_lab.figures import theme
from landscape_lab.figures.camera import HOME, Camera
from landscape_lab.figures.drawn_slice import drawn_slice
from landscape_lab.figures.outline import outline
from landscape_lab.figures.pixels import PALETTE, Array

WIDTH, HEIGHT, MARGIN = 240, 126, 12
"""Of the image, in its own pixels."""

COLORS = 64
"""Colours of an image in it."""

FINE = 3
"""Pixels of a surface that become one along each side."""

LIFT = 0.85
"""The height of a surface relative to half its width."""

POINTS = 160
"""Points of a line, at most."""


def slice_picture(slice_: xr.Dataset, path: xr.Dataset, looks: Mapping[str, Any]) -> str:
    """The SVG image of a slice from above, with the path.

    Args:
        slice_: `loss` (split, beta, alpha) with `computed`.
        path: alpha and beta by step.
        looks: `split`, `scale` and `limits` of the colours, and the loss `outline` below which the
            region is outlined, 0 for none.
    """
    drawn = drawn_slice(slice_, "loss", looks["split"], looks["scale"], looks["limits"])
    left, right, low, high = drawn.ends
    shades = drawn.picture["shades"][0][::-1]
    rows = np.linspace(0, len(shades) - 1, HEIGHT).round().astype(int)
    columns = np.linspace(0, shades.shape[1] - 1, WIDTH).round().astype(int)
    colors = np.array([_rgb(color) for color in PALETTE], np.uint8)
    image = _image(colors[shades[np.ix_(rows, columns)]])
    x = (path["alpha"].values - left) / (right - left) * WIDTH
    y = (high - path["beta"].values) / (high - low) * HEIGHT
    region = _region(slice_["loss"].sel(split=looks["split"]), looks["outline"], drawn.ends)
    return _framed("\n".join([image, region, _trail(x, y)]))


def surface_picture(
    slice_: xr.Dataset, path: xr.Dataset, looks: Mapping[str, Any], camera: Camera = HOME
) -> str:
    """The SVG image of a slice as a surface, with the path on it; arguments as `slice_picture`."""
    from PIL import Image, ImageDraw

    drawn = drawn_slice(slice_, "loss", looks["split"], looks["scale"], looks["limits"])
    shades = drawn.picture["shades"][0].astype(float)
    heights = np.minimum(shades, len(theme.LANDSCAPE) - 2) / (len(theme.LANDSCAPE) - 2)
    rows, columns = (np.linspace(0, n - 1, min(n, 61)).round().astype(int) for n in heights.shape)
    z = heights[np.ix_(rows, columns)]
    across, up = np.meshgrid(np.linspace(-1, 1, len(columns)), np.linspace(-1, 1, len(rows)))
    x, y, depth = _seen(across, up, z, camera)
    scale = _fitting(x, y)
    sheet = Image.new("RGB", (WIDTH * FINE, HEIGHT * FINE), "#ffffff")
    pen = ImageDraw.Draw(sheet)
    order = np.argsort(-(depth[:-1, :-1] + depth[1:, 1:]), axis=None)
    for row, column in zip(
        *np.unravel_index(order, (len(rows) - 1, len(columns) - 1)), strict=True
    ):
        corner = [(row, column), (row, column + 1), (row + 1, column + 1), (row + 1, column)]
        level = float(np.mean([z[at] for at in corner]))
        slope = float(z[row + 1, column] - z[row, column]) - float(
            z[row, column + 1] - z[row, column]
        )
        light = min(1.0, max(0.72, 0.92 + 2.2 * slope))
        color = _rgb(theme.LANDSCAPE[int(level * (len(theme.LANDSCAPE) - 1))])
        pen.polygon([tuple(FINE * v for v in scale(x[at], y[at])) for at in corner],
                    fill=tuple(int(part * light) for part in color))  # fmt: skip
    sheet = sheet.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    left, right, low, high = drawn.ends
    a = 2 * (path["alpha"].values - left) / (right - left) - 1
    b = 2 * (path["beta"].values - low) / (high - low) - 1
    inside = (np.abs(a) <= 1) & (np.abs(b) <= 1)
    at = (
        (np.clip((b + 1) / 2, 0, 1) * (len(rows) - 1)).round().astype(int),
        (np.clip((a + 1) / 2, 0, 1) * (len(columns) - 1)).round().astype(int),
    )
    over = _seen(a[inside], b[inside], z[at][inside] + 0.03, camera)
    found = np.array([scale(*one) for one in zip(over[0], over[1], strict=True)]).reshape(-1, 2)
    trail = _trail(found[:, 0], found[:, 1])
    return _framed(_image(np.asarray(sheet), clear=True) + "\n" + trail)


def curve_picture(
    curves: Mapping[str, tuple[Array, Array]],
    bound: float | None = None,
    dots: tuple[Array, Array] | None = None,
) -> str:
    """The SVG image of curves over one axis, each with its colour; a bound is a dashed line.

    Args:
        curves: places and values by colour.
        bound: a value.
        dots: places and values of points behind the curves.
    """
    places = np.concatenate([x for x, _ in curves.values()])
    values = np.concatenate([y for _, y in curves.values()])
    values = np.append(values, [] if bound is None else [bound])
    values = np.append(values, [] if dots is None else dots[1])
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    wide, tall = WIDTH - 2 * MARGIN, HEIGHT - 2 * MARGIN

    def x(v: Any) -> Any:
        return MARGIN + (v - places.min()) / (np.ptp(places) or 1.0) * wide

    def y(v: Any) -> Any:
        return HEIGHT - MARGIN - (v - low) / ((high - low) or 1.0) * tall

    frame = f'<path d="M{MARGIN / 2} {MARGIN / 2}V{HEIGHT - MARGIN / 2}H{WIDTH - MARGIN / 2}" '
    lines = [frame + f'fill="none" stroke="{theme.FRAME}"/>']
    if bound is not None:
        ends = f'x1="{MARGIN}" x2="{WIDTH - MARGIN}" y1="{y(bound):.1f}" y2="{y(bound):.1f}"'
        look = f'stroke="{theme.CURRENT}" stroke-width="2.5" stroke-dasharray="8 6"'
        lines.append(f"<line {ends} {look}/>")
    if dots is not None:
        inside = (dots[0] >= places.min()) & (dots[0] <= places.max())
        at = zip(x(dots[0][inside]), y(dots[1][inside]), strict=True)
        marks = "".join(f"M{a:.1f} {b:.1f}h0" for a, b in at)
        look = f'stroke="{theme.CLASSES[0]}" stroke-width="5" stroke-linecap="round"'
        lines.append(f'<path d="{marks}" {look}/>')
    for color, (steps, heights) in curves.items():
        points = _points(x(steps), y(heights))
        look = 'fill="none" stroke-width="3.5" stroke-linejoin="round"'
        lines.append(f'<polyline {look} stroke="{color}" points="{points}"/>')
    return _framed("\n".join(lines))


def _region(losses: xr.DataArray, level: float, ends: tuple[float, ...]) -> str:
    """The outline of the region below a loss, or nothing."""
    shown = losses.transpose("beta", "alpha")
    lines = outline(shown.values, shown["alpha"].values, shown["beta"].values, level)
    left, right, low, high = ends
    x = (lines["x_low"] - left) / (right - left) * WIDTH
    y = (high - lines["y_low"]) / (high - low) * HEIGHT
    known = np.isfinite(x) & np.isfinite(y)
    if not known.any():
        return ""
    look = 'fill="none" stroke="#fff" stroke-width="3"'
    return f'<polygon {look} points="{_points(x[known], y[known])}"/>'


def _seen(across: Any, up: Any, z: Any, camera: Camera) -> tuple[Any, Any, Any]:
    """Where points of the surface are on the screen, and how far behind it; in parallel light."""
    turn, tilt = math.radians(camera.azimuth), math.radians(camera.elevation)
    towards = across * math.cos(turn) + up * math.sin(turn)
    x = -across * math.sin(turn) + up * math.cos(turn)
    y = z * LIFT * math.cos(tilt) - towards * math.sin(tilt)
    return x, y, -(towards * math.cos(tilt) + z * LIFT * math.sin(tilt))


def _fitting(x: Array, y: Array) -> Any:
    """From places on the screen to pixels, so that all are in the image."""
    wide, tall = WIDTH - MARGIN, HEIGHT - MARGIN
    unit = min(wide / np.ptp(x), tall / np.ptp(y))
    middle = (x.max() + x.min()) / 2, (y.max() + y.min()) / 2

    def pixel(a: float, b: float) -> tuple[float, float]:
        return WIDTH / 2 + (a - middle[0]) * unit, HEIGHT / 2 - (b - middle[1]) * unit

    return pixel


def _trail(x: Array, y: Array) -> str:
    """The path with its start and its end."""
    if not len(x):
        return ""
    points, look = _points(x, y), 'fill="none" stroke-linejoin="round" stroke-linecap="round"'
    start, end = (f'cx="{x[at]:.1f}" cy="{y[at]:.1f}"' for at in (0, -1))
    return "\n".join([
        f'<polyline {look} stroke="{theme.HALO}" stroke-width="6" points="{points}"/>',
        f'<polyline {look} stroke="{theme.PATH}" stroke-width="3.2" points="{points}"/>',
        f'<circle {start} r="4.5" fill="#fff" stroke="{theme.HALO}" stroke-width="2"/>',
        f'<circle {end} r="6" fill="{theme.CURRENT}" stroke="#fff" stroke-width="2"/>',
    ])  # fmt: skip


def _points(x: Any, y: Any) -> str:
    kept = np.unique(np.linspace(0, len(x) - 1, min(len(x), POINTS)).round().astype(int))
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x[kept], y[kept], strict=True))


def _rgb(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def _image(pixels: Any, *, clear: bool = False) -> str:
    """The pixels as part of an SVG image; `clear`: the colour of the first one is left out."""
    from PIL import Image

    written = io.BytesIO()
    few = Image.fromarray(pixels).quantize(COLORS, dither=Image.Dither.NONE)
    ground = {"transparency": few.getpixel((0, 0))} if clear else {}
    few.save(written, "png", optimize=True, **ground)
    data = base64.b64encode(written.getvalue()).decode()
    return f'<image width="{WIDTH}" height="{HEIGHT}" href="data:image/png;base64,{data}"/>'


def _framed(drawn: str) -> str:
    box = f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {box}>\n{drawn}\n</svg>\n'

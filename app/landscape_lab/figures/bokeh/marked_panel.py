"""A panel of marks as shapes on two sides with ends: what a figure and a thumbnail draw."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from landscape_lab.figures.bokeh.marked_shapes import Ground, Shape, shapes
from landscape_lab.figures.bokeh.marked_sides import extent, side_of
from landscape_lab.figures.lab_pictures import marks as m
from landscape_lab.figures.pixels import Array

PADDING = 0.05
"""Beyond the marks on every side, as a fraction of their extent."""

X = ("x", "x0", "x1", "left", "right")
Y = ("y", "y0", "y1", "y2", "top", "bottom")


@dataclass(frozen=True, eq=False)
class ShapedPanel:
    """The shapes of a panel from below, the sides, and the ends of both.

    `floor` is the height on which bars stand, where nothing is below it.
    """

    shapes: list[Shape]
    ground: Ground
    across: tuple[float, float]
    up: tuple[float, float]
    floor: float | None = None


def shaped(panel: m.Panel) -> ShapedPanel:
    """The shapes of a panel, and the extent of its axes around them."""
    base = 0.0 if panel.y_scale != "log" else _base(panel)
    ground = Ground(side_of(panel, "x"), side_of(panel, "y"), base)
    found = [shape for mark in panel.marks for shape in shapes(mark, ground)]
    padding = 0.0 if any(isinstance(mark, m.Cells) for mark in panel.marks) else PADDING
    across = extent(_values(found, X, "dw", "xs"), ground.x, panel.x_range, padding)
    heights = _values(found, Y, "dh", "ys")
    up = extent(heights, ground.y, panel.y_range, padding)
    stands = panel.y_range is None and _stands(panel, heights, base)
    return ShapedPanel(found, ground, across, up, base if stands else None)


def _values(found: list[Shape], names: tuple[str, ...], size: str, lines: str) -> Array:
    """All places along one side that are to be seen."""
    parts: list[Any] = [np.empty(0)]
    for shape in found:
        parts += [np.asarray(shape.data[name], float) for name in names if name in shape.data]
        if size in shape.data:
            parts.append(np.asarray(shape.data[names[0]]) + np.asarray(shape.data[size]))
        parts += shape.data.get(lines, [])
    return np.concatenate(parts)


def _stands(panel: m.Panel, heights: Array, base: float) -> bool:
    """Whether there are bars, which then stand on the axis, and nothing below their base."""
    bars = any(isinstance(mark, m.Bars) for mark in panel.marks)
    return bars and not bool((heights[np.isfinite(heights)] < base).any())


def _base(panel: m.Panel) -> float:
    """Where bars and outlines stand on a logarithmic axis: below the least height."""
    names = ("height", "y", "low")
    columns = (getattr(mark, name, None) for mark in panel.marks for name in names)
    found = [np.ravel(np.asarray(column, float)) for column in columns if column is not None]
    every = np.concatenate(found or [np.ones(1)])
    above = every[np.isfinite(every) & (every > 0)]
    return 0.5 * float(above.min()) if above.size else 0.1

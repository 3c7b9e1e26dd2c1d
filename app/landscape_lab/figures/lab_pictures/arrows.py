"""Arrows or dots in a plane: neurons, kinks, balls, on the seed that is looked at."""

from typing import Any

import numpy as np

from landscape_lab.figures import theme
from landscape_lab.figures.lab_pictures.marks import Array, Arrows, Contours, Dots, Mark, Panel
from landscape_lab.figures.lab_pictures.reading import View, color

SMALLEST, LARGEST = 3.0, 16.0
"""Diameters of dots, in points."""


def panels(view: View) -> list[Panel]:
    """One panel."""
    x, y = (_flat(view, role) for role in ("x", "y"))
    marks: list[Mark] = ground(view)
    hues = _hues(view)
    if view["dots"]:
        marks.append(Dots(x=x, y=y, color=hues, size=sizes(view)))
    else:
        x0, y0 = (_flat(view, role) if view[role] else np.zeros_like(x) for role in ("x0", "y0"))
        marks.append(Arrows(x0=x0, y0=y0, x1=x, y1=y, color=hues))
    return [Panel(**view.axes(equal=bool(view["equal"])), marks=marks)]


def ground(view: View) -> list[Mark]:
    """Contour lines below, where the declaration has them."""
    if not view["contour"]:
        return []
    sides = [view[one] or view[other] for one, other in (
        ("contour_x", "ground_x"), ("contour_y", "ground_y"))]  # fmt: skip
    column = view.one(view["contour"]).transpose(sides[1], sides[0])
    values = np.asarray(column.values, float)
    low, high = theme.limits(values)
    x, y = (np.asarray(view.dataset[side].values, float) for side in sides)
    return [Contours(x=x, y=y, values=values, levels=theme.levels(low, high, "linear"))]


def sizes(view: View) -> Array | float:
    """Diameters by a variable, areas in proportion to it."""
    if not view["size"]:
        return 6.0
    values = np.sqrt(np.maximum(np.nan_to_num(_flat(view, "size")), 0.0))
    return np.asarray(SMALLEST + (LARGEST - SMALLEST) * values / (values.max() or 1.0))


def _flat(view: View, role: str) -> Array:
    return np.ravel(np.asarray(view.one(view[role]).values, float))


def _hues(view: View) -> Any:
    """A colour each: by sign where values have both, else by number."""
    if not view["color"]:
        return theme.ACCENT
    values = np.nan_to_num(_flat(view, "color"))
    if (values < 0).any():
        return [color(0) if value > 0 else color(1) for value in values]
    return [color(int(value)) for value in values]

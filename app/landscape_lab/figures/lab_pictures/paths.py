"""Paths in a plane over a field of arrows or contour lines, on the seed that is looked at."""

import numpy as np

from landscape_lab.figures import theme
from landscape_lab.figures.lab_pictures.arrows import ground
from landscape_lab.figures.lab_pictures.marks import Arrows, Dots, Line, Mark, Panel
from landscape_lab.figures.lab_pictures.reading import View, color

REACH = 0.8
"""The longest arrow of a field in distances between two."""


def panels(view: View) -> list[Panel]:
    """One panel; if the picture moves along the paths, they end at the frame."""
    marks: list[Mark] = [*ground(view), *_field(view)]
    for number, label, index in view.groups(view["x"], view["y"]):
        x, y = (_along(view, view[side], index) for side in ("x", "y"))
        marks.append(Line(x=x, y=y, color=color(number), label=label))
        known = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
        if len(known):
            last = known[-1:]
            marks.append(Dots(x=x[last], y=y[last], color=color(number), size=8.0, opacity=1.0))
    return [Panel(**view.axes(equal=bool(view["equal"])), marks=marks)]


def _along(view: View, name: str, index: dict[str, int]) -> np.ndarray:
    column = view.dataset[name]
    if "seed" in column.dims:
        column = column.isel(seed=view.seed_index())
    column = column.isel({dim: at for dim, at in index.items() if dim in column.dims})
    if view["frame"] and view["frame"] != view["along"] and view["frame"] in column.dims:
        column = column.isel({view["frame"]: view.frame_index()})
    values = np.asarray(column.transpose(view["along"]).values, float).copy()
    if view["frame"] == view["along"]:
        values[view.frame_index() + 1 :] = np.nan
    return values


def _field(view: View) -> list[Mark]:
    if not view["field_x"]:
        return []
    sides = (view["ground_y"], view["ground_x"])
    across, up = (
        np.asarray(view.one(view[name]).transpose(*sides).values, float)
        for name in ("field_x", "field_y")
    )
    x, y = (np.asarray(view.dataset[side].values, float) for side in sides[::-1])
    step = min(abs(x[1] - x[0]), abs(y[1] - y[0]))
    length = np.hypot(across, up)
    scale = REACH * step / (np.nanmax(length) or 1.0)
    # The root keeps short arrows visible.
    with np.errstate(all="ignore"):
        scale = np.where(length > 0, REACH * step * np.sqrt(length / np.nanmax(length)) / length, 0)
    x0, y0 = (np.ravel(one) for one in np.meshgrid(x, y))
    x1, y1 = x0 + np.ravel(scale * across), y0 + np.ravel(scale * up)
    return [Arrows(x0=x0, y0=y0, x1=x1, y1=y1, color=theme.FRAME, opacity=0.9)]

"""Landscapes: the loss on a plane with paths, side by side on one scale."""

import numpy as np

from landscape_lab.figures import theme
from landscape_lab.figures.lab_pictures.marks import Cells, Contours, Line, Mark, Panel
from landscape_lab.figures.lab_pictures.reading import View, edges

FEWEST = 9
"""Points along a side from which lines of equal loss say more than the cells do."""


def panels(view: View) -> list[Panel]:
    """A panel for each entry of `by`."""
    column = view.one(view["value"])
    x, y = (np.asarray(view.dataset[view[side]].values, float) for side in ("x", "y"))
    scale = view["value_scale"] or "linear"
    whole = np.asarray(column.values, float)
    shown = theme.decimal_log(whole) if scale == "log" else whole
    low, high = theme.limits(shown)
    ends = (10**low, 10**high) if scale == "log" else (low, high)
    found = []
    for _, label, index in view.groups(view["value"]):
        values = np.asarray(column.isel(index).transpose(view["y"], view["x"]).values, float)
        levels = theme.levels(low, high, scale)
        heights = theme.decimal_log(values) if scale == "log" else values
        marks: list[Mark] = [
            Cells(x=edges(x), y=edges(y), values=values, label=view["value_label"], scale=scale,
                  limits=(float(ends[0]), float(ends[1]))),
        ]  # fmt: skip
        if min(values.shape) >= FEWEST:
            marks.append(Contours(x=x, y=y, values=heights, levels=levels, color=theme.SURFACE))
        marks += _path(view, index)
        title = ": ".join(filter(None, (view["title"], label)))
        found.append(Panel(**view.axes(title=title, equal=True), marks=marks))
    return found


def _path(view: View, index: dict[str, int]) -> list[Mark]:
    if not view["path_x"]:
        return []
    sides = []
    for role in ("path_x", "path_y"):
        column = view.one(view[role])
        column = column.isel({dim: at for dim, at in index.items() if dim in column.dims})
        sides.append(np.asarray(column.transpose(view["along"]).values, float))
    return [
        Line(x=sides[0], y=sides[1], color=theme.HALO, width=3.2),
        Line(x=sides[0], y=sides[1], color=theme.PATH, width=1.6, label="path"),
    ]

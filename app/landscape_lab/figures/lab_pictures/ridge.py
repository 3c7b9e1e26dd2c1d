"""Ridges: one curve above the other, each on a scale of its own height."""

import numpy as np

from landscape_lab.figures import theme
from landscape_lab.figures.lab_pictures.marks import Area, Line, Mark, Panel
from landscape_lab.figures.lab_pictures.reading import View, color, quartiles

OVERLAP = 1.5
"""The height of the highest curve in distances between two."""


def panels(view: View) -> list[Panel]:
    """One panel; the lowest curve is drawn last, in front."""
    x = np.asarray(view.dataset[view["x"]].values, float)
    groups = list(view.groups(view["value"]))
    marks: list[Mark] = []
    ticks = {}
    for number, label, index in reversed(groups):
        _, values, _ = quartiles(view.all_seeds(view["value"]).isel(index))
        heights = np.log10(values) if view["y_scale"] == "log" else values
        heights = np.where(np.isfinite(heights), heights, np.nan)
        finite = heights[np.isfinite(heights)]
        low, high = (finite.min(), finite.max()) if finite.size else (0.0, 1.0)
        base = float(len(groups) - 1 - number)
        lifted = base + OVERLAP * (np.nan_to_num(heights, nan=low) - low) / ((high - low) or 1.0)
        outline_x, outline_y = (
            np.concatenate([x, x[::-1]]),
            np.concatenate([lifted, np.full(len(x), base)]),
        )
        marks.append(Area(x=outline_x, y=outline_y, color=color(number), opacity=0.5))
        marks.append(Line(x=x, y=lifted, color=theme.INK, width=1.0))
        ticks[base] = label
    axes = view.axes(y_ticks=ticks) | {"y_scale": "linear"}
    return [Panel(**axes, marks=marks)]

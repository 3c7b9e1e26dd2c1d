"""A histogram of values on the seed that is looked at, with the density of theory over it."""

import numpy as np

from landscape_lab.figures import theme
from landscape_lab.figures.lab_pictures.marks import Area, Line, Mark, Panel
from landscape_lab.figures.lab_pictures.reading import View, bins, color

LINEAR = 0.02
"""Where a symmetric logarithm is linear, as a fraction of the largest value."""


def panels(view: View) -> list[Panel]:
    """One panel."""
    column = view.one(view["value"])
    values = np.asarray(column.values, float)
    finite = values[np.isfinite(values)]
    marks: list[Mark] = []
    ends = bins(finite, int(view["bins"] or 40)) if finite.size else np.ones(2)
    if view["x_scale"] == "log" and (finite > 0).any():
        above = finite[finite > 0]
        ends = np.geomspace(above.min(), above.max() * (1 + 1e-9), int(view["bins"] or 40) + 1)
    for number, label, index in view.groups(view["value"]):
        each = np.ravel(np.asarray(column.isel(index).values, float))
        known = each[np.isfinite(each)]
        # Of no values there is no density.
        counts, _ = np.histogram(known, ends, density=bool(view["density"]) and known.size > 0)
        x = np.repeat(ends, 2)
        y = np.concatenate([[0.0], np.repeat(counts, 2), [0.0]])
        hue = color(number) if label else theme.ACCENT
        marks.append(Area(x=x, y=y.astype(float), color=hue, label=label, opacity=0.45))
    if view["density"]:
        text = view["density_label"] or "theory"
        x, y = (np.asarray(view.one(view[name]).values, float) for name in ("density_x", "density"))
        marks.append(Line(x=x, y=y, color=theme.CURRENT, label=text, dashed=True))
    return [Panel(**view.axes(), marks=marks)]

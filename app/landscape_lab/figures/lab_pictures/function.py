"""A function of one input: lines over it, examples as dots, places on the axis as ticks."""

import numpy as np

from landscape_lab.figures import theme
from landscape_lab.figures.lab_pictures.marks import Dots, Line, Mark, Panel, Rule
from landscape_lab.figures.lab_pictures.reading import View, color


def panels(view: View) -> list[Panel]:
    """One panel."""
    names = list(view["y"])
    x = np.asarray(view.dataset[view["x"]].values, float)
    marks: list[Mark] = []
    for row, name in enumerate(names):
        words = str(view.dataset[name].attrs.get("label", name.replace("_", " ")))
        for number, label, index in view.groups(name):
            column = view.one(name)
            column = column.isel({dim: at for dim, at in index.items() if dim in column.dims})
            text = ", ".join(filter(None, (words if len(names) > 1 else "", label)))
            hue = color(number if label else row)
            marks.append(Line(x=x, y=np.asarray(column.values, float), color=hue, label=text))
    if view["points_x"]:
        across, up = (np.ravel(view.one(view[name]).values) for name in ("points_x", "points_y"))
        marks.append(Dots(x=across, y=up, color=theme.INK, size=4.0, label="examples"))
    if view["ticks"]:
        places = np.ravel(view.one(view["ticks"]).values)
        inside = places[(places >= x.min()) & (places <= x.max())]
        marks = [*(Rule(x=float(place), color=theme.GRID) for place in inside), *marks]
    return [Panel(**view.axes(), marks=marks)]

"""Bars: the median over seeds with its quartiles, and the value of theory as a stroke."""

import numpy as np

from landscape_lab.figures import theme
from landscape_lab.figures.lab_pictures.curves import guides
from landscape_lab.figures.lab_pictures.marks import Bars, Mark, Panel, Ticks
from landscape_lab.figures.lab_pictures.reading import SEED, View, color, quartiles, word

WIDTH = 0.8


def panels(view: View) -> list[Panel]:
    """One panel."""
    names = view.dataset[view["x"]].values
    places = np.arange(len(names), dtype=float)
    groups = list(view.groups(view["value"]))
    width = WIDTH / len(groups)
    marks: list[Mark] = []
    for number, label, index in groups:
        at = places + (number - (len(groups) - 1) / 2) * width
        column = view.all_seeds(view["value"]).isel(index).transpose(..., view["x"])
        low, middle, high = quartiles(column)
        several = SEED in column.dims and column.sizes[SEED] > 1
        hue = color(number) if label else theme.ACCENT
        ends = {"low": low, "high": high} if several else {}
        marks.append(Bars(x=at, height=middle, width=0.92 * width, color=hue, label=label, **ends))
        if view["theory"]:
            stated = view.all_seeds(view["theory"])
            stated = stated.isel({dim: at for dim, at in index.items() if dim in stated.dims})
            _, level, _ = quartiles(stated)
            marks.append(Ticks(x=at, y=level, width=width, color=theme.INK,
                               label="" if number else "theory"))  # fmt: skip
    ticks = {float(at): word(one) for at, one in zip(places, names, strict=True)}
    return [Panel(**view.axes(x_ticks=ticks), marks=[*marks, *guides(view, places, None)])]

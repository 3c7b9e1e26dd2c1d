"""A heat map: the median over seeds of a value over two coordinates, filling cell by cell."""

from dataclasses import replace

import numpy as np

from landscape_lab.figures import theme
from landscape_lab.figures.lab_pictures.curves import guides
from landscape_lab.figures.lab_pictures.marks import Cells, Dots, Mark, Panel
from landscape_lab.figures.lab_pictures.reading import View, edges, quartiles, word

GUIDES = (theme.CURRENT, theme.LOOKED_AT)
"""Colours of guides in turn, to be seen on all cells."""


def panels(view: View) -> list[Panel]:
    """One panel."""
    column = view.all_seeds(view["value"]).transpose(..., view["y"], view["x"])
    _, values, _ = quartiles(column)
    found = {}
    ends = []
    for side in ("x", "y"):
        coordinate = view.dataset[view[side]].values
        if coordinate.dtype.kind not in "fiu":
            found[f"{side}_ticks"] = {float(at): word(one) for at, one in enumerate(coordinate)}
            ends.append(edges(np.arange(len(coordinate), dtype=float)))
        else:
            ends.append(edges(coordinate.astype(float), view[f"{side}_scale"]))
    cells = Cells(
        x=ends[0], y=ends[1], values=values, label=view["value_label"],
        scale=view["value_scale"] or "linear",
    )  # fmt: skip
    x = np.asarray(view.dataset[view["x"]].values)
    lines = guides(view, x.astype(float), None) if x.dtype.kind in "fiu" else []
    seen = [replace(line, color=GUIDES[n % len(GUIDES)]) for n, line in enumerate(lines)]
    return [Panel(**view.axes(**found), marks=[cells, *seen, *spot(view)])]


def spot(view: View) -> list[Mark]:
    """The dot at the median over seeds of two variables, where both are known."""
    if not (view["spot_x"] and view["spot_y"]):
        return []
    x, y = (np.atleast_1d(quartiles(view.all_seeds(view[f"spot_{side}"]))[1]) for side in "xy")
    if not np.isfinite([x, y]).all():
        return []
    ring = Dots(x=x, y=y, color=theme.HALO, size=15.0, opacity=1.0)
    label = view["spot_label"]
    return [ring, Dots(x=x, y=y, color=theme.BEST, size=10.0, label=label, opacity=1.0)]

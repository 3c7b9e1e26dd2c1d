"""A graph: nodes with sizes and colours, edges below them, on the seed that is looked at."""

import numpy as np

from landscape_lab.figures import theme
from landscape_lab.figures.lab_pictures.arrows import sizes
from landscape_lab.figures.lab_pictures.marks import Dots, Line, Mark, Panel
from landscape_lab.figures.lab_pictures.reading import View, color


def panels(view: View) -> list[Panel]:
    """One panel."""
    x, y = (np.ravel(np.asarray(view.one(view[side]).values, float)) for side in ("x", "y"))
    marks: list[Mark] = []
    if view["source"]:
        ends = [np.ravel(view.one(view[end]).values) for end in ("source", "target")]
        known = np.isfinite(ends[0]) & np.isfinite(ends[1])
        first, second = (end[known].astype(int) for end in ends)
        gap = np.full(len(first), np.nan)
        across = np.ravel(np.stack([x[first], x[second], gap], 1))
        up = np.ravel(np.stack([y[first], y[second], gap], 1))
        marks.append(Line(x=across, y=up, color=theme.FRAME, width=0.5, opacity=0.6))
    hues: str | list[str] = theme.ACCENT
    if view["color"]:
        classes = np.nan_to_num(np.ravel(view.one(view["color"]).values)).astype(int)
        hues = [color(one) for one in classes]
    marks.append(Dots(x=x, y=y, color=hues, size=sizes(view)))
    return [Panel(**view.axes(equal=True), marks=marks)]

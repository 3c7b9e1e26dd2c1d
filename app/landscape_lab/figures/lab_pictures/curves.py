"""Curves: variables over a coordinate, the median over seeds with a band of their quartiles."""

import numpy as np

from landscape_lab.figures import theme
from landscape_lab.figures.lab_pictures.marks import Band, Line, Mark, Panel, Rule, Span
from landscape_lab.figures.lab_pictures.reading import SEED, View, color, quartiles


def panels(view: View) -> list[Panel]:
    """One panel."""
    names = list(view["y"])
    x = np.asarray(view.dataset[view["x"]].values, float)
    lines: list[Mark] = []
    bands: list[Mark] = []
    first = None
    for row, name in enumerate(names):
        words = str(view.dataset[name].attrs.get("label", name.replace("_", " ")))
        for number, label, index in view.groups(name):
            column = view.all_seeds(name)
            column = column.isel({dim: at for dim, at in index.items() if dim in column.dims})
            low, middle, high = quartiles(column)
            hue = color(number if label else row)
            text = ", ".join(filter(None, (words if len(names) > 1 else "", label)))
            dots = bool(view["markers"])
            dashed = bool(label) and (row > 0 or label in view["dashed"])
            lines.append(Line(x=x, y=middle, color=hue, label=text, dashed=dashed, dots=dots))
            first = middle if first is None else first
            if SEED in column.dims and column.sizes[SEED] > 1:
                bands.append(Band(x=x, low=low, high=high, color=hue))
    return [Panel(**view.axes(), marks=[*shaded(view, x), *bands, *lines, *guides(view, x, first)])]


def shaded(view: View, x: np.ndarray) -> list[Mark]:
    """The ground where a condition holds on the seed that is looked at."""
    if not view["shaded"]:
        return []
    values = view.one(view["shaded"]).values
    on = np.concatenate([[False], np.nan_to_num(values) != 0, [False]])
    change = np.diff(on.astype(int))
    starts, ends = np.flatnonzero(change == 1), np.flatnonzero(change == -1)
    found: list[Mark] = []
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        label = "" if found else view["shaded_label"]
        last = float(x[min(end, len(x) - 1)])
        found.append(Span(start=float(x[start]), end=last, color=theme.BEST, label=label))
    return found


def guides(view: View, x: np.ndarray, first: np.ndarray | None) -> list[Line | Rule]:
    """Lines to compare with."""
    found: list[Line | Rule] = []
    for guide in view["guides"] or ():
        text = str(guide.get("label", ""))
        if guide.get("variable"):
            _, middle, _ = quartiles(view.all_seeds(guide["variable"]))
            found.append(Line(x=x, y=middle, color=theme.MUTED, label=text, dashed=True, width=1.4))
        elif guide.get("slope") is not None and first is not None:
            found += _sloped(view, x, first, float(guide["slope"]), text)
        elif guide.get("level") is not None:
            found.append(Rule(y=float(guide["level"]), color=theme.MUTED, label=text))
        elif guide.get("at") is not None:
            found.append(Rule(x=float(guide["at"]), color=theme.MUTED, label=text))
    return found


def _sloped(view: View, x: np.ndarray, y: np.ndarray, slope: float, text: str) -> list[Line]:
    """A straight line of a slope, in the scales of the axes, through the first point."""
    known = np.flatnonzero(np.isfinite(y) & np.isfinite(x))
    if not len(known):
        return []
    at = known[0]
    if view["x_scale"] == "log":
        with np.errstate(all="ignore"):
            ratio = (x / x[at]) ** slope
        line = y[at] * ratio if view["y_scale"] == "log" else y[at] + slope * np.log10(x / x[at])
    else:
        line = y[at] + slope * (x - x[at])
    return [Line(x=x, y=line, color=theme.MUTED, label=text, dashed=True, width=1.4)]

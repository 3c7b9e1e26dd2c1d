"""Violins: the distribution of values for each entry of x, on the seed that is looked at."""

import numpy as np

from landscape_lab.figures import theme
from landscape_lab.figures.lab_pictures.marks import Area, Dots, Mark, Panel
from landscape_lab.figures.lab_pictures.reading import View, bins, color, word

WIDTH, BINS = 0.8, 24


def panels(view: View) -> list[Panel]:
    """One panel."""
    column = view.one(view["value"])
    names = view.dataset[view["x"]].values
    places = np.arange(len(names), dtype=float)
    groups = list(view.groups(view["value"]))
    width = WIDTH / len(groups)
    marks: list[Mark] = []
    for number, label, index in groups:
        shift = (number - (len(groups) - 1) / 2) * width
        hue = color(number) if label else theme.ACCENT
        each = column.isel(index).transpose(view["x"], view["sample"]).values
        medians = []
        for place, values in zip(places, np.asarray(each, float), strict=True):
            finite = values[np.isfinite(values)]
            medians.append(float(np.median(finite)) if finite.size else np.nan)
            if finite.size > 1:
                first = label if place == 0 else ""
                marks.append(_outline(finite, place + shift, width, hue, first, view["y_scale"]))
        marks.append(Dots(x=places + shift, y=np.array(medians), color=theme.INK, size=5.0))
    ticks = {float(at): word(one) for at, one in zip(places, names, strict=True)}
    return [Panel(**view.axes(x_ticks=ticks), marks=marks)]


def _outline(values: np.ndarray, at: float, width: float, hue: str, label: str, scale: str) -> Mark:
    """The outline of a histogram and its mirror image around a place."""
    shown = np.log10(values[values > 0]) if scale == "log" else values
    counts, ends = np.histogram(shown, bins(shown, BINS) if shown.size else BINS)
    half = np.concatenate([[0], np.repeat(counts, 2), [0]]) / max(1, counts.max()) * width / 2
    up = np.repeat(ends, 2)
    heights = 10.0**up if scale == "log" else up
    x = np.concatenate([at - half, (at + half)[::-1]])
    return Area(x=x, y=np.concatenate([heights, heights[::-1]]), color=hue, label=label)

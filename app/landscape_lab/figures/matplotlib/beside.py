"""Compared landscapes beside each other on one sheet, on one scale of colours; by matplotlib."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import xarray as xr

from landscape_lab.figures import theme
from landscape_lab.figures.bokeh.lines import named, part_of
from landscape_lab.figures.bokeh.looks import Look
from landscape_lab.figures.matplotlib.paper import WIDTH, Words
from landscape_lab.figures.matplotlib.stills import SIZES, heights_on
from landscape_lab.figures.matplotlib.tracks import path_on

ROW, WIDER = 3.3, 1.5
"""Inches that one row of landscapes is high, and how much wider than one the sheet is."""


@dataclass(frozen=True, eq=False)
class Pane:
    """One of the landscapes: its letter, what differs in it, the slice and the path on it."""

    name: str
    words: str
    slice: xr.Dataset
    path: xr.Dataset
    seen: int
    split: str = "train"


def beside(panes: Sequence[Pane], form: str, look: Look, words: tuple[str, str]) -> bytes:
    """Two to four landscapes on one sheet, as the bytes of a `form`: PNG, SVG or PDF.

    Args:
        panes: the landscapes, of two dimensions each.
        form: of the file.
        look: what of the slices is shown, at which heights and in which range of colours.
        words: a sentence and settings that stand below.
    """
    from matplotlib import rc_context  # takes half a second to import
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    below = Words(*words, WIDER)
    rows = -(-len(panes) // 2)
    shown = [pane.slice[look.variable].sel(split=pane.split) for pane in panes]
    low, high = look.heights(shown, own=False)[0].limits
    limits = (10**low, 10**high) if look.scale == "log" else (low, high)
    title = f"{part_of(panes[0].split)} {look.variable}"
    with rc_context(SIZES):
        size = (WIDER * WIDTH, ROW * rows + below.height)
        paper = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(paper)
        places = paper.subplots(rows, 2, squeeze=False).ravel()
        for place, pane, heights in zip(places, panes, shown, strict=False):
            heights_on(place, heights, title, look.scale, limits, avoid=pane.path)
            path_on(place, pane.path, pane.seen)
            alpha, beta = heights["alpha"], heights["beta"]
            place.set(xlim=alpha[[0, -1]], ylim=beta[[0, -1]])
            place.set(xlabel=named(alpha), ylabel=named(beta))
            place.set_title(f"{pane.name}  {pane.words}", loc="left", fontsize=9, color=theme.INK,
                            wrap=True)  # fmt: skip
        for place in places[len(panes) :]:
            place.set_axis_off()
        content = io.BytesIO()
        below.write(paper, content, form)
    return content.getvalue()

"""Barcode, merge tree or topological profile of the slice next to the landscape."""

from typing import Any

import numpy as np
import xarray as xr
from bokeh.models import FixedTicker, HoverTool, Label, Range1d
from bokeh.plotting import figure

from landscape_lab.figures import theme
from landscape_lab.figures.bokeh.axes import put
from landscape_lab.figures.bokeh.maps import send
from landscape_lab.figures.bokeh.sizes import Scaled
from landscape_lab.figures.pixels import Array, narrow, same
from landscape_lab.figures.topology import (
    Bars,
    bars,
    curve,
    profile_limits,
    scale_for,
    summary,
    ticks,
    tree_lines,
)

NOTHING = "No finite loss:\nnothing to draw."

KINDS = ("dotted", "solid")
"""Lines of bars that are not significant, and above them those of bars that are."""

ACROSS = 6
"""Losses named along a horizontal axis, at most."""

LINES, ENDS = ("xs", "ys", "words"), ("x", "y", "words")

LOOKS: dict[str, dict[str, Any]] = {
    "solid": {"color": theme.ACCENT, "line_width": 2.6},
    "dotted": {"color": theme.MUTED, "line_width": 1.6, "line_dash": "dotted", "line_alpha": 0.8},
}


class Topology(Scaled):
    """One of the three drawings; the minima that the error of the loss may explain are pale."""

    def __init__(self) -> None:
        """An empty figure that fills the space it is given."""
        self._x, self._y = Range1d(0, 1), Range1d(0, 1)
        self.figure = figure(
            x_range=self._x, y_range=self._y, tools="", sizing_mode="stretch_both",
            x_axis_label="loss", y_axis_label="loss",
        )  # fmt: skip
        self.lines = {kind: theme.source(*LINES) for kind in KINDS}
        self.minima = {kind: theme.source(*ENDS) for kind in KINDS}
        self.saddles = theme.source("x", "y")
        self.profile = theme.source("x", "y", "floor")
        self._draw()
        theme.style(self.figure)
        self.figure.toolbar_location = None
        self.figure.update(min_border_left=62, min_border_right=14)
        self.figure.title.update(
            text_font=theme.FONT, text_font_size=theme.NORMAL, text_font_style="normal",
            text_color=theme.MUTED,
        )  # fmt: skip
        self._words = Label(
            x=10, y=10, x_units="screen", y_units="screen", text="", text_color=theme.MUTED,
            text_font=theme.FONT, text_font_size=theme.NORMAL,
            background_fill_color="#ffffff", background_fill_alpha=0.8, padding=3,
        )  # fmt: skip
        self.figure.add_layout(self._words)
        self._known: tuple[Any, str] = (None, "")

    def is_new(self, slice_: xr.Dataset, looks: tuple[Any, ...]) -> bool:
        """Whether this slice, drawn like this, is not the one that was asked for last."""
        known, self._known = self._known, (slice_, repr(looks))
        return known[0] is not slice_ or known[1] != self._known[1]

    def update(
        self, barcode: xr.Dataset, profile: xr.Dataset | None, drawing: str, scale: str
    ) -> None:
        """Show a drawing of the barcode, or the profile with the minima on it.

        Args:
            barcode: as `landscape_core.analysis.persistence` gives it, of minima.
            profile: as `landscape_core.analysis.topological_profile` gives it; None for the others.
            drawing: one of `DRAWINGS`.
            scale: `log` or `linear` heights.
        """
        scale = scale_for(barcode["birth"].values, scale)
        found = bars(barcode, scale)
        put(self.figure.title, text="\n".join(summary(barcode)))
        put(self._words, text="" if barcode.sizes["bar"] else NOTHING)
        x: Array = np.empty(0)
        y = floor = x
        limits = found.limits
        if profile is not None and drawing == "profile":
            x, y = curve(profile, scale)
            limits = profile_limits(found, y)
            floor = np.full(len(y), limits[0])
        places = {"x": narrow(x), "y": narrow(y), "floor": narrow(floor)}
        if not same(self.profile.data, places):
            self.profile.data = places
        xs, ys = _lines(found, drawing)
        at = _minima(found, drawing)
        for kind in KINDS:
            rows = np.flatnonzero(found.significant == (kind == "solid"))
            words = [found.words[row] for row in rows]
            lines = rows if drawing != "profile" else rows[:0]
            drawn = {"xs": xs[lines].tolist(), "ys": ys[lines].tolist()}
            send(self.lines[kind], {**drawn, "words": [found.words[row] for row in lines]})
            send(self.minima[kind], {"x": at[0][rows], "y": at[1][rows], "words": words})
        ended = ~found.endless & (drawing == "merge tree")
        send(self.saddles, {"x": xs[ended, 1], "y": ys[ended, 1]})
        self._axes(drawing, limits, len(found.birth), scale)

    def _draw(self) -> None:
        plot = self.figure
        plot.varea("x", "floor", "y", source=self.profile, fill_color=theme.GRID)
        plot.line("x", "y", source=self.profile, color=theme.INK, line_width=1.4)
        drawn = []
        for kind in KINDS:
            drawn.append(plot.multi_line("xs", "ys", source=self.lines[kind], **LOOKS[kind]))
        plot.scatter(
            "x", "y", source=self.saddles, size=5, fill_color=theme.SURFACE,
            line_color=theme.MUTED, marker="square",
        )  # fmt: skip
        for kind, fill in zip(KINDS, (theme.SURFACE, theme.ACCENT), strict=True):
            color = LOOKS[kind]["color"]
            drawn.append(
                plot.scatter(
                    "x", "y", source=self.minima[kind], size=7, fill_color=fill, line_color=color
                )
            )
        plot.add_tools(HoverTool(renderers=drawn, tooltips="@words", point_policy="follow_mouse"))

    def _axes(self, drawing: str, limits: tuple[float, float], count: int, scale: str) -> None:
        """Name losses along the axis of heights; the other one has no numbers but shares."""
        other = (0.0, 1.0) if drawing == "profile" else (-0.8, max(1, count) - 0.2)
        across, up = self.figure.xaxis[0], self.figure.yaxis[0]
        along, free = (across, up) if drawing == "barcode" else (up, across)
        put(self._x if drawing == "barcode" else self._y, start=limits[0], end=limits[1])
        put(self._y if drawing == "barcode" else self._x, start=other[0], end=other[1])
        named = list(ticks(limits, scale).items())
        every = -(-len(named) // ACROSS) if drawing == "barcode" else 1
        _name(along, dict(named[::every]), "loss")
        label = "fraction of the points" if drawing == "profile" else "minima"
        shares = {share: f"{share:g}" for share in (0.0, 0.25, 0.5, 0.75, 1.0)}
        _name(free, shares if drawing == "profile" else {}, label)


def _name(axis: Any, named: dict[float, str], label: str) -> None:
    put(axis, axis_label=label, major_label_overrides=named)
    if not isinstance(axis.ticker, FixedTicker) or list(axis.ticker.ticks) != list(named):
        axis.ticker = FixedTicker(ticks=list(named))


def _lines(found: Bars, drawing: str) -> tuple[Array, Array]:
    """The lines of the bars, (bars, points) across and up; none on a profile."""
    count = len(found.birth)
    if drawing == "barcode":
        level = np.arange(count)[::-1].astype(float)  # the longest above
        return np.stack([found.birth, found.death], 1), np.stack([level, level], 1)
    if drawing == "merge tree":
        lines = tree_lines(found)
        return lines[:, :, 0], lines[:, :, 1]
    return np.full((count, 2), np.nan), np.full((count, 2), np.nan)


def _minima(found: Bars, drawing: str) -> tuple[Array, Array]:
    """Where the minima are marked, (bars,) across and up."""
    if drawing == "barcode":
        return found.birth, np.arange(len(found.birth))[::-1].astype(float)
    return (found.order if drawing == "merge tree" else found.position), found.birth

"""A run's path over a picture from above: coloured by time, with a sign at each telling point."""

from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from bokeh.models import LinearColorMapper, Range1d
from bokeh.plotting import figure

from landscape_lab.figures import theme
from landscape_lab.figures.annotations import best, dots
from landscape_lab.figures.pixels import narrow, same

LONGEST = 500
"""Points of the path that are sent to the browser, at most."""

OFF = 0.5
"""Farther from the plane than this fraction of the distance that the run has covered, a path is
dashed.
"""

VISIBLE = 0.02
"""A path shorter than this fraction of the picture is a dot, of which no colours are explained."""

SHADES = 64
"""Colours from the start to the end of the run."""

PATH = ("x", "y", "near_x", "near_y", "from_x", "from_y", "time")
MARK = ("x", "y", "marker", "size", "fill", "line", "width")

# Size, fill, line colour and line width of each sign.
DOT = (4.5, theme.HALO, theme.PATH, 1.0)
START = (9.0, "#ffffff", theme.HALO, 2.0)
NOW = (14.0, theme.CURRENT, "#ffffff", 2.0)
BEST = (13.0, theme.BEST, theme.HALO, 1.2)
LOOKED_AT = (14.0, theme.LOOKED_AT, theme.HALO, 1.6)
LOWEST_HALO = (12.0, theme.HALO, theme.HALO, 5.0)
LOWEST = (11.0, "#ffffff", "#ffffff", 2.2)


class Trail:
    """The path up to the step looked at, faintly what followed, and the signs."""

    def __init__(self, plot: figure) -> None:
        """Nothing drawn yet, on top of what the figure has already."""
        self.path, self.ahead = theme.source(*PATH), theme.source("x", "y")
        self.marks = theme.source(*MARK)
        self._factor = 1.0
        smooth: dict[str, Any] = {"line_join": "round", "line_cap": "round"}
        ahead, path = {"source": self.ahead, **smooth}, {"source": self.path, **smooth}
        plot.line("x", "y", color=theme.HALO, alpha=0.25, width=3.4, **ahead)
        plot.line("x", "y", color=theme.PATH, alpha=0.5, width=1.2, **ahead)
        plot.line("x", "y", color=theme.HALO, alpha=0.7, width=5, **path)
        plot.line("x", "y", color=theme.PATH, width=1.4, line_dash=[2, 6], **path)
        times = LinearColorMapper(palette=theme.ramp(theme.TIME, SHADES), low=0, high=1)
        plot.segment(
            "from_x", "from_y", "near_x", "near_y", source=self.path, line_cap="round",
            color={"field": "time", "transform": times}, line_width=2.4,
        )  # fmt: skip
        plot.scatter(
            "x", "y", source=self.marks, marker="marker", size="size", fill_color="fill",
            line_color="line", line_width="width",
        )  # fmt: skip

    def update(
        self,
        path: xr.Dataset | None,
        *,
        seen: int | None = None,
        low: tuple[float, float] | None = None,
        point: tuple[float, float] | None = None,
    ) -> None:
        """Show a path and the signs.

        Args:
            path: alpha and beta by step, or None; with `off` what is far from the plane is dashed,
                with `loss` the best point has its sign.
            seen: the step looked at; None: the last.
            low: where the lowest point of the picture lies.
            point: where the user looks.
        """
        below: list[tuple[Any, ...]] = []
        above: list[tuple[Any, ...]] = []
        if path is None or not len(path["step"]):
            self._send(self.path, {name: [] for name in PATH})
            self._send(self.ahead, {"x": [], "y": []})
        else:
            here = index_of(path, seen)
            self._draw(path, here)
            below, above = _along(path, here)
        if low is not None:
            below += [(*low, "x", *LOWEST_HALO), (*low, "x", *LOWEST)]
        if point is not None:
            above.append((*point, "diamond", *LOOKED_AT))
        marks = below + above
        columns = {name: [mark[i] for mark in marks] for i, name in enumerate(MARK)}
        for name in ("size", "width"):
            columns[name] = [size * self._factor for size in columns[name]]
        self._send(self.marks, columns)

    def enlarge(self, factor: float) -> None:
        """Make the signs so many times as large as they are by themselves."""
        for name in ("size", "width"):
            sizes = [size * factor / self._factor for size in self.marks.data[name]]
            self.marks.data[name] = sizes
        self._factor = factor

    def _draw(self, path: xr.Dataset, here: int) -> None:
        x, y = narrow(path["alpha"].values), narrow(path["beta"].values)
        far = path["off"].values > OFF if "off" in path else np.zeros(len(x), bool)
        past, future = _thinned(0, here), _thinned(here, len(x) - 1)
        near = [np.where(far, np.nan, side)[past] for side in (x, y)]
        table = {
            "x": x[past],
            "y": y[past],
            "near_x": near[0],
            "near_y": near[1],
            "from_x": np.append(near[0][:1], near[0][:-1]),
            "from_y": np.append(near[1][:1], near[1][:-1]),
            "time": narrow(ages(path))[past],
        }
        self._send(self.path, table)
        ahead = future if here < len(x) - 1 else future[:0]
        self._send(self.ahead, {"x": x[ahead], "y": y[ahead]})

    def _send(self, source: Any, data: dict[str, Any]) -> None:
        """Put data into a source in one message, or in none if they are there already."""
        if not same(source.data, data):
            source.data = data


def index_of(path: xr.Dataset, seen: int | None) -> int:
    """The index of the last recorded step up to the one looked at, at least 0."""
    steps = path["step"].values
    if seen is None:
        return len(steps) - 1
    return max(0, int(np.searchsorted(steps, seen, "right")) - 1)


def is_long(path: xr.Dataset, across: Range1d, up: Range1d) -> bool:
    """Whether colours can be distinguished along the part of a path inside a picture."""
    x = (path["alpha"].values - across.start) / (across.end - across.start)
    y = (path["beta"].values - up.start) / (up.end - up.start)
    inside = (np.abs(x - 0.5) <= 0.5) & (np.abs(y - 0.5) <= 0.5)
    return bool(inside.any() and max(np.ptp(x[inside]), np.ptp(y[inside])) > VISIBLE)


def ages(path: xr.Dataset) -> npt.NDArray[np.float64]:
    """How late each recorded step is, from 0 at the first to 1 at the last."""
    steps = path["step"].values.astype(float)
    return np.asarray((steps - steps[0]) / max(1.0, steps[-1] - steps[0]))


def _along(path: xr.Dataset, here: int) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """The dots and the start; and above them where the run stands and its best point."""
    x, y = narrow(path["alpha"].values), narrow(path["beta"].values)
    there = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    there = there[there <= here]
    _, dotted = dots(path["step"].values)
    below = [(x[i], y[i], "circle", *DOT) for i in dotted if i <= here]
    below += [(x[i], y[i], "circle", *START) for i in there[:1]]
    above = [(x[i], y[i], "circle", *NOW) for i in there[-1:]]
    lowest = best(path, here)
    if lowest is not None:  # smaller than the disc beneath, where both are the same point
        above.append((x[lowest], y[lowest], "star", *BEST))
    return below, above


def _thinned(first: int, last: int) -> npt.NDArray[np.int64]:
    """At most about so many indices as are drawn, both ends among them."""
    stride = -(-(last - first + 1) // LONGEST)
    return np.append(np.arange(first, last, stride), last)

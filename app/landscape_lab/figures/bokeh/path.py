"""A run's path over a picture from above: coloured by time, with a sign at each telling point."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from bokeh.events import MouseEnter
from bokeh.models import CustomJS, LinearColorMapper, Range1d
from bokeh.plotting import figure

from landscape_lab.figures import theme
from landscape_lab.figures.annotations import best, dots
from landscape_lab.figures.pixels import narrow, same

ROLLING = Path(__file__).with_name("rolling_ball.js").read_text("utf-8")
"""What rolls the sign of the run in the browser."""

ASKING = Path(__file__).with_name("pointer_asks.js").read_text("utf-8")
"""What reports the mouse over the picture."""

Asked = Callable[[str, float, float], None]
"""Called with what is asked, and alpha and beta of the point."""

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
BALL = ("x", "y", "size", "rolls")
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
        self.now = theme.source(*BALL)
        times = LinearColorMapper(palette=theme.ramp(theme.TIME, SHADES), low=0, high=1)
        plot.segment(
            "from_x", "from_y", "near_x", "near_y", source=self.path, line_cap="round",
            color={"field": "time", "transform": times}, line_width=2.4,
        )  # fmt: skip
        marks = plot.scatter(
            "x", "y", source=self.marks, marker="marker", size="size", fill_color="fill",
            line_color="line", line_width="width",
        )  # fmt: skip
        self._roll(plot, marks)

    def _roll(self, plot: figure, marks: Any) -> None:
        """Draw the sign of the run below the other signs, and let it roll in the browser."""
        _, fill, line, width = NOW
        sign = plot.scatter(
            "x", "y", source=self.now, size="size", fill_color=fill, line_color=line,
            line_width=width,
        )  # fmt: skip
        plot.renderers.remove(marks)
        plot.renderers.append(marks)
        known = {"plot": plot, "now": self.now, "sign": sign, "look": {"fill": fill, "line": line}}
        self.now.js_on_change("data", CustomJS(args=known, code=ROLLING))

    def listen(self, plot: figure, asked: Asked) -> None:
        """Call this with what a mouse asks of the picture at rest: `hover`, `leave` or `drop`."""
        source = theme.source("what", "x", "y")
        look = {"fill": NOW[1], "line": NOW[2]}
        known = {"plot": plot, "now": self.now, "asked": source, "look": look}
        listening = CustomJS(args=known, code=ASKING)
        # A page that is opened late has its picture from the start: then nothing changes.
        plot.js_on_event(MouseEnter, listening)
        self.now.js_on_change("data", listening)

        def report(_: str, __: Any, new: dict[str, Any]) -> None:
            for what, x, y in zip(new["what"], new["x"], new["y"], strict=True):
                asked(str(what), float(x), float(y))

        source.on_change("data", report)

    def update(
        self,
        path: xr.Dataset | None,
        *,
        seen: int | None = None,
        low: tuple[float, float] | None = None,
        point: tuple[float, float] | None = None,
        rolls: bool = False,
    ) -> None:
        """Show a path and the signs.

        Args:
            path: alpha and beta by step, or None; with `off` what is far from the plane is dashed,
                with `loss` the best point has its sign.
            seen: the step looked at; None: the last.
            low: where the lowest point of the picture lies.
            point: where the user looks.
            rolls: whether the sign of the run rolls to its place, as the run goes on.
        """
        below: list[tuple[Any, ...]] = []
        above: list[tuple[Any, ...]] = []
        now: list[tuple[float, float]] = []
        if path is None or not len(path["step"]):
            self._send(self.path, {name: [] for name in PATH})
            self._send(self.ahead, {"x": [], "y": []})
        else:
            here = index_of(path, seen)
            self._draw(path, here)
            below, now, above = _along(path, here)
            above = [] if rolls and best(path, here) == here else above  # it rolls there
        if low is not None:
            below += [(*low, "x", *LOWEST_HALO), (*low, "x", *LOWEST)]
        if point is not None:
            above.append((*point, "diamond", *LOOKED_AT))
        marks = below + above
        columns = {name: [mark[i] for mark in marks] for i, name in enumerate(MARK)}
        for name in ("size", "width"):
            columns[name] = [size * self._factor for size in columns[name]]
        self._send(self.marks, columns)
        size = NOW[0] * self._factor
        ball = zip(*((*spot, size, float(rolls)) for spot in now), strict=True) if now else [[]] * 4
        self._send(self.now, dict(zip(BALL, map(list, ball), strict=True)))

    def enlarge(self, factor: float) -> None:
        """Make the signs so many times as large as they are by themselves."""
        for name in ("size", "width"):
            sizes = [size * factor / self._factor for size in self.marks.data[name]]
            self.marks.data[name] = sizes
        self.now.data["size"] = [size * factor / self._factor for size in self.now.data["size"]]
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


def _along(
    path: xr.Dataset, here: int
) -> tuple[list[tuple[Any, ...]], list[tuple[float, float]], list[tuple[Any, ...]]]:
    """The dots and the start; above them where the run stands; and above that its best point."""
    x, y = narrow(path["alpha"].values), narrow(path["beta"].values)
    there = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    there = there[there <= here]
    _, dotted = dots(path["step"].values)
    below = [(x[i], y[i], "circle", *DOT) for i in dotted if i <= here]
    below += [(x[i], y[i], "circle", *START) for i in there[:1]]
    now = [(float(x[i]), float(y[i])) for i in there[-1:]]
    above: list[tuple[Any, ...]] = []
    lowest = best(path, here)
    if lowest is not None:  # smaller than the disc beneath, where both are the same point
        above.append((x[lowest], y[lowest], "star", *BEST))
    return below, now, above


def _thinned(first: int, last: int) -> npt.NDArray[np.int64]:
    """At most about so many indices as are drawn, both ends among them."""
    stride = -(-(last - first + 1) // LONGEST)
    return np.append(np.arange(first, last, stride), last)

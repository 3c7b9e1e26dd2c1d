"""Axes that follow what is shown, and models that receive only what has changed."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from bokeh.core.properties import value
from bokeh.models import ColumnDataSource, CustomJS, LegendItem, Model, Range1d

FEWEST, MOST = 3, 6
"""Numbers on a logarithmic axis."""

MANTISSAS = ((1,), (1, 3), (1, 2, 5))
"""Digits of its numbers, from few numbers to many in each decade."""

LEAST = 0.1
"""The smallest extent of an axis: as a fraction of its values, or in decades."""

GLIDE = Path(__file__).with_name("glide.js").read_text("utf-8")
"""What moves the ends of a range in the browser."""


def gliding(range_: Range1d) -> Range1d:
    """A range whose ends glide to where they are put by `put_ends`, where that is asked for."""
    code = CustomJS(code=GLIDE)
    for name in ("tags", "start", "end"):
        range_.js_on_change(name, code)
    return range_


def put_ends(range_: Range1d, start: float, end: float, *, glides: bool) -> None:
    """Put the ends of a range, and those to which a user resets it."""
    if glides:
        range_.tags = [start, end]
    range_.update(start=start, end=end, reset_start=start, reset_end=end)


def ends(values: npt.NDArray[Any], padding: float, *, logged: bool = False) -> dict[str, float]:
    """Start and end of an axis around values, with a share of their extent to spare.

    Values that hardly differ lie in the middle of a tenth of their size, or of a decade.
    """
    finite = values[np.isfinite(values)].astype(float)
    if finite.size == 0:
        return {}
    low, high = (np.log10(e) if logged else e for e in (finite.min(), finite.max()))
    least = LEAST if logged else LEAST * max(abs(low), abs(high)) or 1.0
    more = max(padding * (high - low), (least - (high - low)) / 2)
    start, end = float(low - more), float(high + more)
    return {"start": 10**start, "end": 10**end} if logged else {"start": start, "end": end}


def log_ticks(start: float, end: float) -> list[float]:
    """At least three numbers on a logarithmic axis that ends at two positive ones.

    They are whole powers of ten where those are enough; within less than a decade, they are apart
    equally.
    """
    low, high = int(np.floor(np.log10(start))), int(np.ceil(np.log10(end)))
    for digits in MANTISSAS:
        every = [float(f"{d}e{power}") for power in range(low, high + 1) for d in digits]
        there = [one for one in every if start <= one <= end]
        if len(there) >= FEWEST:
            return there[:: -(-len(there) // MOST)]
    power = int(np.floor(np.log10(end - start)))
    for step in (float(f"{d}e{p}") for p in range(power, power - 3, -1) for d in (5, 2, 1)):
        first, last = int(np.ceil(start / step)), int(np.floor(end / step))
        if last - first + 1 >= FEWEST:
            break
    return [float(f"{step * number:.12g}") for number in range(first, last + 1)]


def step_ends(steps: npt.NDArray[Any], padding: float = 0.02) -> dict[str, float]:
    """Start and end of an axis of training steps, which shows at least one step."""
    if not len(steps):
        return {}
    first, last = float(steps[0]), float(max(steps[-1], steps[0] + 1))
    more = padding * (last - first)
    return {"start": first - more, "end": last + more}


def dots_on(plot: Any, source: ColumnDataSource, x: str, y: str, color: str) -> Any:
    """Dots at the points of a curve, unseen as yet: a line through one point shows nothing."""
    return plot.scatter(x, y, source=source, size=7, color=color, visible=False)


def explained(plot: Any, words: str, *renderers: Any) -> LegendItem:
    """A sign of a legend for what renderers draw, made of copies of them that draw nothing.

    A browser builds a legend anew whenever anything changes that its signs lead to: with the
    renderers themselves that would be with all new data.
    """
    nothing = ColumnDataSource({"x": [np.nan], "y": [np.nan]})
    copies = [plot.add_glyph(nothing, one.glyph.clone(x="x", y="y")) for one in renderers]
    return LegendItem(label=value(words), renderers=copies)


def put(model: Model, **values: Any) -> None:
    """Change what differs, so that nothing is sent otherwise."""
    for name, new in values.items():
        if getattr(model, name) != new:
            setattr(model, name, new)

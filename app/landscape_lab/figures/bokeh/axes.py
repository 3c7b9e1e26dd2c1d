"""Axes that follow what is shown, and models that receive only what has changed."""

from typing import Any

import numpy as np
import numpy.typing as npt
from bokeh.core.properties import value
from bokeh.models import ColumnDataSource, LegendItem, Model


def ends(values: npt.NDArray[Any], padding: float, *, logged: bool = False) -> dict[str, float]:
    """Start and end of an axis around values, with a share of their extent to spare."""
    finite = values[np.isfinite(values)].astype(float)
    if finite.size == 0:
        return {}
    low, high = (np.log10(e) if logged else e for e in (finite.min(), finite.max()))
    more = padding * (high - low) or 0.5
    start, end = float(low - more), float(high + more)
    return {"start": 10**start, "end": 10**end} if logged else {"start": start, "end": end}


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

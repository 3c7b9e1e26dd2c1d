"""Matrices by their entries: blocks that are kept stand out, the others are pale."""

import numpy as np

from landscape_lab.figures.lab_pictures.marks import Cells, Panel
from landscape_lab.figures.lab_pictures.reading import View, word

MOST_NAMED = 5
"""Rows that an axis names, at most."""

EVERY = [mantissa * 10**power for power in range(9) for mantissa in (1, 2, 5)]
"""How far apart named rows are."""


def panels(view: View) -> list[Panel]:
    """A panel for each entry of `by`; the first row is at the top."""
    column = view.one(view["value"])
    whole = np.abs(np.asarray(column.values, float))
    positive = whole[np.isfinite(whole) & (whole > 0)]
    high = float(positive.max()) if positive.size else 1.0
    found = []
    for number, label, index in view.groups(view["value"], *filter(None, [view["kept"]])):
        own = {dim: at for dim, at in index.items() if dim in column.dims}
        sides = (view["row"], view["column"])
        values = np.asarray(column.isel(own).transpose(*sides).values, float)
        kept = None
        if view["kept"]:
            mask = view.one(view["kept"])
            mask = mask.isel({dim: at for dim, at in index.items() if dim in mask.dims})
            kept = np.asarray(mask.transpose(*sides).values, float)[::-1]
        rows, columns = values.shape
        cells = Cells(
            x=np.arange(columns + 1) - 0.5, y=np.arange(rows + 1) - 0.5,
            values=np.abs(values[::-1]) if view["value_scale"] == "log" else values[::-1],
            label=view["value_label"], scale=view["value_scale"] or "linear", kept=kept,
            limits=(1e-4 * high, high) if view["value_scale"] == "log" else None,
        )  # fmt: skip
        title = ": ".join(filter(None, (view["title"] if not number else "", label)))
        named = rows_named(view.dataset[view["row"]].values)
        found.append(Panel(**view.axes(title=title, equal=True, y_ticks=named), marks=[cells]))
    return found


def rows_named(rows: np.ndarray) -> dict[float, str]:
    """Names of some rows at their places: the first is at the top."""
    apart = next(each for each in EVERY if len(rows) <= MOST_NAMED * each)
    return {float(len(rows) - 1 - at): word(rows[at]) for at in range(0, len(rows), apart)}

"""A strip: rows of coloured pieces over time, on the seed that is looked at."""

import numpy as np

from landscape_lab.figures.lab_pictures.marks import Cells, Panel
from landscape_lab.figures.lab_pictures.reading import View, edges, word


def panels(view: View) -> list[Panel]:
    """One panel; the first row is at the top."""
    rows = view.dataset[view["by"]].values
    values = np.asarray(view.one(view["value"]).transpose(view["by"], view["x"]).values, float)
    x = edges(np.asarray(view.dataset[view["x"]].values, float), view["x_scale"])
    y = np.arange(len(rows) + 1) - 0.5
    ticks = {float(len(rows) - 1 - number): word(row) for number, row in enumerate(rows)}
    cells = Cells(x=x, y=y, values=values[::-1], label=view["value_label"])
    return [Panel(**view.axes(y_ticks=ticks), marks=[cells])]

"""The loss on the way from one minimum to another: straight, and along a curve found between."""

from typing import Any

import numpy as np
import xarray as xr
from bokeh.core.properties import value
from bokeh.models import CustomJSTickFormatter, Label, Legend, LegendItem, Range1d
from bokeh.plotting import figure

from app import theme
from app.views.axes import ends, put
from app.views.curves import NUMBER
from app.views.pixels import narrow, same

COLUMNS = ("t", "curve", "straight")
WAITING = "The curve to another run is sought\nonce the run is held."


class Connection:
    """Two profiles over t from 0 (this run) to 1 (one from other initial weights)."""

    def __init__(self) -> None:
        """An empty figure that fills the space it is given."""
        self.source = theme.source(*COLUMNS)
        self._y = Range1d(0, 1)
        self.figure = figure(
            x_range=Range1d(0, 1), y_range=self._y, tools="", sizing_mode="stretch_both",
            x_axis_label="from this run to one of other initial weights", y_axis_label="loss",
        )  # fmt: skip
        theme.style(self.figure)
        self.figure.toolbar_location = None
        self.figure.update(min_border_left=62, min_border_right=14)
        self.figure.yaxis.formatter = CustomJSTickFormatter(code=NUMBER)
        self.figure.yaxis.ticker.desired_num_ticks = 5
        items = []
        for name, words, color, dash in (
            ("straight", "straight line", theme.SPLITS["test"], "dashed"),
            ("curve", "Bézier curve", theme.SPLITS["train"], "solid"),
        ):
            line = self.figure.line(
                "t", name, source=self.source, color=color, width=2.4, line_dash=dash
            )
            items.append(LegendItem(label=value(words), renderers=[line]))
        legend = Legend(items=items)
        theme.key(legend)
        self.figure.add_layout(legend, "above")
        look = {"text_font": theme.FONT, "text_font_size": theme.NORMAL}
        self._words = Label(
            x=10, y=10, x_units="screen", y_units="screen", text=WAITING,
            text_color=theme.MUTED, **look,
        )  # fmt: skip
        self.figure.add_layout(self._words)

    def update(self, connection: xr.Dataset | None, split: str) -> None:
        """Show `loss` and `straight_loss` (split, t) and their barriers, or that they are awaited.

        Args:
            connection: as `landscape_core.connections` gives it.
            split: `train` or `test`.
        """
        data: dict[str, Any] = {name: np.empty(0, np.float32) for name in COLUMNS}
        words = WAITING
        if connection is not None:
            part = connection.sel(split=split)
            curve, straight = part["loss"].values, part["straight_loss"].values
            data = {
                "t": narrow(part["t"].values), "curve": narrow(curve), "straight": narrow(straight)
            }  # fmt: skip
            put(self._y, **ends(np.concatenate([[0.0], curve, straight]), 0.12))
            words = (
                f"barrier {float(part['straight_barrier']):.3g} straight,"
                f" {float(part['barrier']):.3g} along the curve"
            )
        put(self._words, text=words)
        if not same(self.source.data, data):
            self.source.data = data

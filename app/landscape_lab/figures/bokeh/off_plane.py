"""The loss along the trajectory and at its projection, and its distance from the plane."""

from typing import Any

import numpy as np
import xarray as xr
from bokeh.layouts import column
from bokeh.models import BasicTicker, CustomJSTickFormatter, FixedTicker, Legend, Range1d
from bokeh.plotting import figure

from landscape_lab.figures import theme
from landscape_lab.figures.bokeh.axes import dots_on, ends, explained, log_ticks, put, step_ends
from landscape_lab.figures.bokeh.curves import NUMBER, decimated
from landscape_lab.figures.bokeh.sizes import Scaled
from landscape_lab.figures.pixels import narrow, same

COLUMNS = ("step", "loss", "under", "distance")


class OffPlane(Scaled):
    """The loss along the true path and under it in the picture; below, the distance from it."""

    def __init__(self) -> None:
        """Empty figures that fill the space they are given."""
        self.source = theme.source(*COLUMNS)
        self._x, self._y, self._away = Range1d(0, 1), Range1d(0.1, 1), Range1d(0, 1)
        shared: dict[str, Any] = {"x_range": self._x, "tools": "", "sizing_mode": "stretch_both"}
        self.loss = figure(y_axis_type="log", y_axis_label="loss", y_range=self._y, **shared)
        self.distance = figure(
            y_axis_label="distance", x_axis_label="step", y_range=self._away, **shared
        )
        looks = {
            "loss": ("on the path", {"line_color": theme.SPLITS["train"], "line_width": 2.2}),
            "under": (
                "of the picture under it",
                {"line_color": theme.SPLITS["test"], "line_width": 2.0, "line_dash": [6, 3]},
            ),
        }
        items = []
        for name, (words, look) in looks.items():
            line = self.loss.line("step", name, source=self.source, **look)
            items.append(explained(self.loss, words, line))
        self.distance.line("step", "distance", source=self.source, color=theme.INK, width=2)
        self._dots = [
            dots_on(self.loss, self.source, "step", "loss", theme.SPLITS["train"]),
            dots_on(self.distance, self.source, "step", "distance", theme.INK),
        ]
        for plot in (self.loss, self.distance):
            theme.style(plot)
            plot.toolbar_location = None
            plot.min_border_left, plot.min_border_right = 62, 12
            plot.yaxis.formatter = CustomJSTickFormatter(code=NUMBER)
        self.loss.yaxis.ticker = FixedTicker()
        self.distance.yaxis.ticker.desired_num_ticks = 4
        self.distance.xaxis.ticker = BasicTicker(desired_num_ticks=4, min_interval=1)
        self.loss.xaxis.visible = False
        legend = Legend(items=items)
        theme.key(legend)
        self.loss.add_layout(legend, "above")
        self.figure = column(self.loss, self.distance, sizing_mode="stretch_both", spacing=0)

    def update(self, path: xr.Dataset) -> None:
        """Show a path with `loss`, `under` and `distance` by step; zero losses are gaps."""
        kept = decimated(path["loss"].values)
        table = {name: path[name].values[kept].astype(float) for name in COLUMNS}
        for name in ("loss", "under"):
            table[name] = np.where(table[name] > 0, table[name], np.nan)
        data = {name: narrow(values) for name, values in table.items()}
        if same(self.source.data, data):
            return
        self.source.data = data
        # What is interpolated may come close to zero, and must not stretch the axis for it.
        least = np.where(table["loss"] > 0, table["loss"], np.inf).min() / 10
        both = np.concatenate([table["loss"], np.maximum(table["under"], least)])
        put(self._x, **step_ends(table["step"]))
        for dots in self._dots:
            put(dots, visible=len(table["step"]) == 1)
        put(self._y, **ends(both, 0.06, logged=True))
        put(self.loss.yaxis[0].ticker, ticks=log_ticks(self._y.start, self._y.end))
        put(self._away, start=0.0, end=1.06 * max(float(table["distance"].max()), 1e-9))

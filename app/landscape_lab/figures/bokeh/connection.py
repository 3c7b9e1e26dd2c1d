"""From one minimum to another: the loss on the way, and the plane in which the curve lies."""

from typing import Any

import numpy as np
import xarray as xr
from bokeh.core.properties import value
from bokeh.layouts import column
from bokeh.models import CustomJSTickFormatter, Label, Legend, LegendItem, Range1d
from bokeh.plotting import figure

from landscape_lab.figures import theme
from landscape_lab.figures.bokeh.axes import ends, put
from landscape_lab.figures.bokeh.curves import NUMBER
from landscape_lab.figures.bokeh.maps import Map, columns, send
from landscape_lab.figures.pixels import Array, narrow

LINES = {
    "straight": ("straight line", theme.SPLITS["test"], "dashed"),
    "aligned": ("after aligning", theme.CLASSES[3], "dotted"),
    "curve": ("curve", theme.SPLITS["train"], "solid"),
}
WAITING = "The path to another run is computed when the run is paused."


class Connection:
    """Profiles over t from 0 (this run) to 1 (one from other initial weights); below, the plane."""

    def __init__(self) -> None:
        """Empty figures that fill the space they are given."""
        self.source = theme.source("t", *LINES)
        self._y = Range1d(0, 1)
        self.profile = figure(
            x_range=Range1d(0, 1), y_range=self._y, tools="", sizing_mode="stretch_both",
            x_axis_label="from this run to the other", y_axis_label="loss",
        )  # fmt: skip
        theme.style(self.profile)
        self.profile.toolbar_location = None
        self.profile.update(min_border_left=62, min_border_right=14)
        self.profile.yaxis.formatter = CustomJSTickFormatter(code=NUMBER)
        self.profile.yaxis.ticker.desired_num_ticks = 5
        self._items = {}
        for name, (words, color, dash) in LINES.items():
            look = {"color": color, "line_width": 2.4, "line_dash": dash}
            line = self.profile.line("t", name, source=self.source, **look)
            self._items[name] = LegendItem(label=value(words), renderers=[line], visible=False)
        legend = Legend(items=list(self._items.values()))
        theme.key(legend)
        legend.update(orientation="vertical", spacing=2)
        self.profile.add_layout(legend, "above")
        self._words = Label(
            x=10, y=10, x_units="screen", y_units="screen", text=WAITING, text_color=theme.MUTED,
            text_font=theme.FONT, text_font_size=theme.NORMAL,
            background_fill_color="#ffffff", background_fill_alpha=0.8, padding=3,
        )  # fmt: skip
        self.profile.add_layout(self._words)
        self.plane = Map("loss over the curve's plane")
        self.curve, self.ends = theme.source("x", "y"), theme.source("x", "y", "text")
        self._draw()
        self.plane.figure.visible = False  # until there is something to show
        self.figure = column(self.profile, self.plane.figure, sizing_mode="stretch_both", spacing=6)

    def update(self, connection: xr.Dataset | None, split: str, scale: str = "log") -> None:
        """Show the losses (split, t), their barriers and the plane, or that they are awaited.

        Args:
            connection: as `landscape_core.connectivity` gives it.
            split: `train` or `test`.
            scale: `log` or `linear` heights of the plane.
        """
        empty = np.empty(0)
        data: dict[str, Any] = dict.fromkeys(("t", *LINES), narrow(empty))
        barriers: dict[str, float] = {}
        if connection is not None:
            part = connection.sel(split=split)
            found, barriers = lines_of(part)
            gap = np.full(len(part["t"]), np.nan)
            data = {"t": part["t"].values, **{name: found.get(name, gap) for name in LINES}}
            data = {name: narrow(column) for name, column in data.items()}
            put(self._y, **ends(np.concatenate([[0.0], *found.values()]), 0.06))
        put(self._words, visible=connection is None)
        for name, item in self._items.items():
            if name in barriers:
                put(item, label=value(f"{LINES[name][0]}: barrier {barriers[name]:.3g}"))
            put(item, visible=name in barriers)
        send(self.source, data)
        self._show_plane(connection, split, scale)

    def _draw(self) -> None:
        plot = self.plane.figure
        straight = {"x": [0.0, 1.0], "y": [0.0, 0.0]}
        self._straight = plot.line(
            **straight, color=theme.PATH, width=1.6, line_dash="dashed", visible=False
        )
        for color, width in ((theme.HALO, 4.2), (theme.PATH, 2.4)):
            plot.line("x", "y", source=self.curve, color=color, width=width)
        plot.scatter(
            "x", "y", source=self.ends, size=10, fill_color=theme.CURRENT, line_color="#ffffff"
        )
        plot.text(
            "x", "y", text="text", source=self.ends, y_offset=24, text_align="center",
            text_font=value(theme.FONT), text_font_size=theme.SMALL, text_color="#ffffff",
            background_fill_color=theme.HALO, background_fill_alpha=0.55, padding=2,
            border_radius=2,
        )  # fmt: skip

    def _show_plane(self, connection: xr.Dataset | None, split: str, scale: str) -> None:
        shown = connection is not None and "plane_loss" in connection
        put(self._straight, visible=shown)
        put(self.plane.figure, visible=shown)
        if connection is None or not shown:
            self.plane.clear()
            send(self.curve, columns(x=np.empty(0), y=np.empty(0)))
            send(self.ends, columns(x=np.empty(0), y=np.empty(0)) | {"text": []})
            return
        self.plane.show(connection["plane_loss"].sel(split=split), scale)
        x, y = connection["curve_alpha"].values, connection["curve_beta"].values
        send(self.curve, columns(x=x, y=y))
        send(self.ends, columns(x=x[[0, -1]], y=y[[0, -1]]) | {"text": ["this", "other"]})


def lines_of(part: xr.Dataset) -> tuple[dict[str, Array], dict[str, float]]:
    """The losses along each line that there is, and its barrier; a curve that bends not is none."""
    prefixes = {"straight": "straight_", "aligned": "aligned_", "curve": ""}
    there = {name: prefix for name, prefix in prefixes.items() if f"{prefix}loss" in part}
    found = {name: part[f"{prefix}loss"].values for name, prefix in there.items()}
    if any(np.allclose(found["curve"], found[name]) for name in found if name != "curve"):
        del found["curve"]
    return found, {name: float(part[f"{there[name]}barrier"]) for name in found}

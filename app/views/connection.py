"""From one minimum to another: the loss on the way, and the plane in which the curve lies."""

from typing import Any

import numpy as np
import xarray as xr
from bokeh.core.properties import value
from bokeh.layouts import column
from bokeh.models import CustomJSTickFormatter, Label, Legend, LegendItem, Range1d
from bokeh.plotting import figure

from app import theme
from app.views.axes import ends, put
from app.views.curves import NUMBER
from app.views.maps import Map, columns, send
from app.views.pixels import narrow

LINES = {
    "straight": ("straight line", theme.SPLITS["test"], "dashed"),
    "aligned": ("line after aligning", theme.CLASSES[3], "dotted"),
    "curve": ("curve", theme.SPLITS["train"], "solid"),
}
WAITING = "The curve to another run is sought\nonce the run is held."


class Connection:
    """Profiles over t from 0 (this run) to 1 (one from other initial weights); below, the plane."""

    def __init__(self) -> None:
        """Empty figures that fill the space they are given."""
        self.source = theme.source("t", *LINES)
        self._y = Range1d(0, 1)
        self.profile = figure(
            x_range=Range1d(0, 1), y_range=self._y, tools="", sizing_mode="stretch_both",
            x_axis_label="from this run to one of other initial weights", y_axis_label="loss",
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
            self._items[name] = LegendItem(label=value(words), renderers=[line])
        self._items["aligned"].visible = False
        legend = Legend(items=list(self._items.values()))
        theme.key(legend)
        self.profile.add_layout(legend, "above")
        self._words = Label(
            x=10, y=10, x_units="screen", y_units="screen", text=WAITING, text_color=theme.MUTED,
            text_font=theme.FONT, text_font_size=theme.NORMAL,
            background_fill_color="#ffffff", background_fill_alpha=0.8,
        )  # fmt: skip
        self.profile.add_layout(self._words)
        self.plane = Map("loss over the curve's plane")
        self.curve, self.ends = theme.source("x", "y"), theme.source("x", "y", "text")
        self._draw()
        self.figure = column(self.profile, self.plane.figure, sizing_mode="stretch_both", spacing=6)

    def update(self, connection: xr.Dataset | None, split: str, scale: str = "log") -> None:
        """Show the losses (split, t), their barriers and the plane, or that they are awaited.

        Args:
            connection: as `landscape_core.connections` gives it.
            split: `train` or `test`.
            scale: `log` or `linear` heights of the plane.
        """
        empty = np.empty(0)
        data: dict[str, Any] = dict.fromkeys(("t", *LINES), narrow(empty))
        words = WAITING
        aligned = connection is not None and "aligned_loss" in connection
        if connection is not None:
            part = connection.sel(split=split)
            found = {"straight": part["straight_loss"].values, "curve": part["loss"].values}
            gap = np.full(len(part["t"]), np.nan)
            found["aligned"] = part["aligned_loss"].values if aligned else gap
            data = {"t": part["t"].values, **found}
            data = {name: narrow(data[name]) for name in ("t", *LINES)}
            put(self._y, **ends(np.concatenate([[0.0], *found.values()]), 0.12))
            words = _barriers(part, aligned=aligned)
        put(self._words, text=words)
        put(self._items["aligned"], visible=aligned)
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
            text_font=theme.FONT, text_font_size=theme.SMALL, text_color="#ffffff",
            background_fill_color=theme.HALO, background_fill_alpha=0.55, padding=2,
            border_radius=2,
        )  # fmt: skip

    def _show_plane(self, connection: xr.Dataset | None, split: str, scale: str) -> None:
        shown = connection is not None and "plane_loss" in connection
        put(self._straight, visible=shown)
        if connection is None or not shown:
            self.plane.clear()
            send(self.curve, columns(x=np.empty(0), y=np.empty(0)))
            send(self.ends, columns(x=np.empty(0), y=np.empty(0)) | {"text": []})
            return
        self.plane.show(connection["plane_loss"].sel(split=split), scale)
        x, y = connection["curve_alpha"].values, connection["curve_beta"].values
        send(self.curve, columns(x=x, y=y))
        send(self.ends, columns(x=x[[0, -1]], y=y[[0, -1]]) | {"text": ["this run", "the other"]})


def _barriers(part: xr.Dataset, *, aligned: bool) -> str:
    told = [f"barrier {float(part['straight_barrier']):.3g} straight"]
    if aligned:
        told.append(f"{float(part['aligned_barrier']):.3g} aligned")
    return ", ".join([*told, f"{float(part['barrier']):.3g} along the curve"])

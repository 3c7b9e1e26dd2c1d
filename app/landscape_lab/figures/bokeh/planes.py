"""The same point on many planes, side by side with one scale of colours."""

import html
import math
from typing import Any

import contourpy
import numpy as np
import xarray as xr
from bokeh.core.properties import value
from bokeh.layouts import column
from bokeh.models import Div, LinearColorMapper, Range1d
from bokeh.plotting import figure

from landscape_lab.figures import theme
from landscape_lab.figures.bokeh.axes import put
from landscape_lab.figures.bokeh.maps import columns, name_colors, scale_of, send
from landscape_lab.figures.captions import headline
from landscape_lab.figures.color_schemes import css
from landscape_lab.figures.pixels import PALETTE, SHADES, Array, finer, shaded, shared_limits

GAP = 0.09
"""Between two pictures, as a fraction of the side of one."""

WAITING = "The point on other random planes is computed when the run is paused."


class Planes:
    """Small pictures in rows, and the mean and spread of what is counted on them."""

    def __init__(self) -> None:
        """An empty figure that fills the space it is given."""
        self._x, self._y = Range1d(0, 1), Range1d(0, 1)
        self.plot = figure(
            x_range=self._x, y_range=self._y, tools="", sizing_mode="stretch_both",
            match_aspect=True,
        )  # fmt: skip
        self.images = theme.source("image", "x", "y", "side")
        self.lines, self.names = theme.source("x", "y"), theme.source("x", "y", "text")
        self.centres = theme.source("x", "y")
        mapper = LinearColorMapper(palette=list(PALETTE), low=0, high=SHADES + 1)
        self.plot.image(
            image="image", source=self.images, color_mapper=mapper, x="x", y="y", dw="side",
            dh="side",
        )  # fmt: skip
        self.plot.line("x", "y", source=self.lines, color="#ffffff", alpha=0.55, width=0.8)
        self.plot.scatter(
            "x", "y", source=self.centres, marker="cross", size=9, line_color="#ffffff",
            line_width=1.6,
        )  # fmt: skip
        self.plot.text(
            "x", "y", text="text", source=self.names, text_font=value(theme.FONT),
            text_font_size=theme.SMALL, text_color=theme.MUTED, y_offset=-1,
        )  # fmt: skip
        self.bar = scale_of("loss")
        self.plot.add_layout(self.bar, "below")
        theme.style(self.plot)
        self.plot.axis.visible = self.plot.grid.visible = False
        self.plot.toolbar_location = None
        self.plot.update(min_border_left=8, min_border_right=24)
        styles = {
            "font": f"12px/1.45 {theme.FONT}",
            "color": css(theme.MUTED),
            "padding": "2px 10px",
        }
        self.words = Div(text=WAITING, styles=styles, sizing_mode="stretch_width")
        self.figure = column(self.words, self.plot, sizing_mode="stretch_both", spacing=2)

    def update(
        self, ensemble: xr.Dataset | None, figures: xr.Dataset | None, split: str, scale: str
    ) -> None:
        """Show the planes so far, or that they are awaited.

        Args:
            ensemble: loss (plane, split, beta, alpha), as `landscape_core.ensemble` gives it.
            figures: what `landscape_core.spread` gives of it.
            split: `train` or `test`.
            scale: `log` or `linear` heights.
        """
        put(self.bar, visible=ensemble is not None)
        if ensemble is None:
            put(self.words, text=WAITING)
            for source in (self.images, self.lines, self.names, self.centres):
                send(source, {name: [] for name in source.data})
            return
        losses = ensemble["loss"].sel(split=split).transpose("plane", "beta", "alpha")
        heights = theme.decimal_log(losses.values) if scale == "log" else losses.values
        put(self.words, text="<br>".join(map(html.escape, headline(len(heights), figures))))
        low, high = shared_limits(heights)
        name_colors(self.bar, (low, high), theme.ticks(low, high, scale, cut=False))
        across = 2 if len(heights) <= 8 else 3
        rows = math.ceil(len(heights) / across)
        place = np.arange(len(heights))
        x, y = (1 + GAP) * (place % across), -(1 + 2 * GAP) * (place // across)
        put(self._x, start=-GAP / 2, end=across * (1 + GAP) - GAP / 2)
        put(self._y, start=-(rows - 1) * (1 + 2 * GAP) - GAP / 2, end=1 + 2 * GAP)
        images = [shaded(*finer(one), low, high) for one in heights]
        ones = columns(x=x, y=y, side=np.ones(len(heights)))
        send(self.images, {"image": images, **ones})
        send(self.names, columns(x=x, y=y + 1) | {"text": _named(losses)})
        send(self.centres, columns(x=x + 0.5, y=y + 0.5))
        send(self.lines, _contours(heights, x, y, theme.levels(low, high, scale)))


def _named(losses: xr.DataArray) -> list[str]:
    """Which plane it is, and between which values its loss lies."""
    told = []
    for i, one in enumerate(losses):
        finite = one.values[np.isfinite(one.values)]
        ends = f": {finite.min():.2g} to {finite.max():.2g}" if finite.size else ""
        told.append(f"seed {int(losses['seed'][i])}{ends}".replace("-", "−"))
    return told


def _contours(heights: Array, x: Array, y: Array, levels: Array) -> dict[str, Any]:
    """Lines of equal height in every picture, one after the other with gaps."""
    gap = np.full((1, 2), np.nan)
    pieces = [gap]
    for one, left, low in zip(heights, x, y, strict=True):
        across, up = (np.linspace(0, 1, n) for n in one.shape[::-1])
        generator = contourpy.contour_generator(
            x=left + across, y=low + up, z=np.ma.masked_invalid(one),
            line_type=contourpy.LineType.ChunkCombinedNan,
        )  # fmt: skip
        for level in levels:
            found = generator.lines(level)[0][0]
            if found is not None:
                pieces += [np.asarray(found), gap]
    lines = np.concatenate(pieces)
    return columns(x=lines[:, 0], y=lines[:, 1])

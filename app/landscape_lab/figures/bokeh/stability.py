"""Largest Hessian eigenvalue and 2/η on one axis over the steps, and the loss below."""

from typing import Any

import numpy as np
import xarray as xr
from bokeh.layouts import column
from bokeh.models import (
    BasicTicker,
    CustomJSTickFormatter,
    FixedTicker,
    HoverTool,
    Label,
    Legend,
    LinearScale,
    LogScale,
    Range1d,
    Span,
)
from bokeh.plotting import figure

from landscape_lab.figures import theme
from landscape_lab.figures.bokeh.axes import ends, explained, log_ticks, put, step_ends
from landscape_lab.figures.bokeh.curves import NUMBER, decimated
from landscape_lab.figures.bokeh.maps import send
from landscape_lab.figures.pixels import narrow

FAR = 4.0
"""A bound is drawn unless it is more than so many times higher than the largest eigenvalue."""


class Stability:
    """Two figures with the same steps: eigenvalue and bound above, training loss below."""

    def __init__(self) -> None:
        """Empty figures that fill the space they are given."""
        self.along = theme.source("step", "eigenvalue")
        self.loss = theme.source("step", "loss")
        self._steps, self._values, self._losses = Range1d(0, 1), Range1d(0, 1), Range1d(0.1, 1)
        shared: dict[str, Any] = {"tools": "", "sizing_mode": "stretch_both"}
        self.upper = figure(x_range=self._steps, y_range=self._values,
                            y_axis_label="largest eigenvalue λ₁", **shared)  # fmt: skip
        self.lower = figure(
            x_range=self._steps, y_range=self._losses, y_axis_type="log", x_axis_label="step",
            y_axis_label="loss", **shared,
        )  # fmt: skip
        self.bound = Span(dimension="width", line_color=theme.CURRENT, line_width=2,
                          line_dash="dashed", visible=False)  # fmt: skip
        self.name = Label(
            x=6, y=0, x_units="screen", y_units="data", y_offset=3, text="",
            text_color=theme.CURRENT, text_font=theme.FONT, text_font_size=theme.NORMAL,
            text_font_style="bold", visible=False,
        )  # fmt: skip
        self._draw()
        for plot in (self.upper, self.lower):
            theme.style(plot)
            plot.toolbar_location = None
            plot.min_border_left, plot.min_border_right = 62, 12
            plot.yaxis.formatter = CustomJSTickFormatter(code=NUMBER)
            plot.xaxis.ticker = BasicTicker(desired_num_ticks=4, min_interval=1)
        self.upper.yaxis.ticker = BasicTicker(desired_num_ticks=4)
        self.lower.yaxis.ticker = FixedTicker()
        self.upper.xaxis.visible = False
        self.figure = column(self.upper, self.lower, sizing_mode="stretch_both", spacing=0)

    def update(self, along: xr.Dataset | None, curves: xr.Dataset, bound: float | None) -> None:
        """Show the eigenvalues by step, the bound of stable steps 2/η if there is one, the loss.

        Args:
            along: `eigenvalue` (step); None: nothing is measured yet.
            curves: `loss` (split, step).
            bound: the largest eigenvalue at which steps of this size are stable.
        """
        steps = curves["step"].values
        put(self._steps, **step_ends(steps))
        self._show_values(along, bound)
        losses = curves["loss"].isel(split=0).values
        logged = not bool((losses < 0).any())
        if logged != isinstance(self.lower.y_scale, LogScale):
            self.lower.y_scale = LogScale() if logged else LinearScale()
            self.lower.yaxis.ticker = FixedTicker() if logged else BasicTicker(desired_num_ticks=4)
        losses = np.where(np.isfinite(losses) & ((losses > 0) | (not logged)), losses, np.nan)
        kept = decimated(losses)
        send(self.loss, {"step": narrow(steps[kept]), "loss": narrow(losses[kept])})
        put(self._losses, **ends(losses, 0.06, logged=logged))
        if logged:
            ticks = log_ticks(self._losses.start, self._losses.end)
            put(self.lower.yaxis[0].ticker, ticks=ticks)
        put(self.lower.yaxis[0], axis_label=str(curves.attrs.get("value", "loss")))

    def _show_values(self, along: xr.Dataset | None, bound: float | None) -> None:
        values = np.empty(0) if along is None else along["eigenvalue"].values
        steps = np.empty(0) if along is None else along["step"].values
        send(self.along, {"step": narrow(steps), "eigenvalue": narrow(values)})
        highest = float(np.nanmax(values, initial=0.0))
        near = bound is not None and bound <= FAR * max(highest, bound if not highest else 0.0)
        put(self.bound, visible=near, location=float(bound or 0.0))
        words = f"2/η = {bound:.4g}" if bound is not None else ""
        put(self.name, visible=near, y=float(bound or 0.0), text=words)
        put(self._values, **ends(np.append(values, bound if bound and near else np.nan), 0.12))

    def _draw(self) -> None:
        line = self.upper.line("step", "eigenvalue", source=self.along, color=theme.ACCENT,
                               width=2.4)  # fmt: skip
        dots = self.upper.scatter("step", "eigenvalue", source=self.along, color=theme.ACCENT,
                                  size=5)  # fmt: skip
        self.upper.add_layout(self.bound)
        self.upper.add_layout(self.name)
        tip = f"""<div style="font: {theme.SMALL} {theme.FONT}; color: {theme.INK}">
            λ₁ <b>@eigenvalue{{0.000}}</b><br>step @step{{0}}</div>"""
        self.upper.add_tools(HoverTool(renderers=[dots], tooltips=tip, visible=False))
        legend = Legend(items=[explained(self.upper, "largest Hessian eigenvalue", line, dots)])
        theme.key(legend)
        self.upper.add_layout(legend, "above")
        self.lower.line("step", "loss", source=self.loss, color=theme.SPLITS["train"], width=2)

"""Curvature: the spectrum at the present point, its layers, and what it did along the run."""

from typing import Any

import numpy as np
import xarray as xr
from bokeh.layouts import column
from bokeh.models import CustomJSTickFormatter, HoverTool, Legend, LogTicker, Range1d
from bokeh.plotting import figure

from landscape_lab.figures import theme
from landscape_lab.figures.bokeh.axes import ends, explained, put
from landscape_lab.figures.bokeh.curves import NUMBER
from landscape_lab.figures.bokeh.maps import send
from landscape_lab.figures.pixels import narrow

SPECTRUM = ("eigenvalue_axis", "density", "low", "high")
ALONG = ("step", "first", "second", "third", "trace", "trace_low", "trace_high")
BOUND = ("step", "height")
LAYERS = ("layer", "largest", "trace", "error_low", "error_high")
RANKS = ("first", "second", "third")
SHADES = (theme.ACCENT, "#5f9fae", "#a9cbd3")
"""Colours of the leading eigenvalues, the largest first."""

DECADES = 5
"""The density is drawn over so many powers of ten below its highest point."""

NEAR = 3.0
"""A bound is drawn unless it is more than so many times higher than all that is."""

WHOLE = "network"
"""The block of a spectrum that holds all parameters."""


class Curvature:
    """The density of eigenvalues with its band; eigenvalues and trace by step; traces by layer."""

    def __init__(self) -> None:
        """Empty figures that fill the space they are given."""
        self.spectrum, self.ticks = theme.source(*SPECTRUM), theme.source("at", "height", "text")
        self.along, self.layers = theme.source(*ALONG), theme.source(*LAYERS)
        self._x, self._y = Range1d(-1, 1), Range1d(1e-4, 1)
        self.bound = theme.source(*BOUND)
        self._steps, self._heights = Range1d(0, 1), Range1d(0, 1)
        self._widths = Range1d(0, 1)
        shared: dict[str, Any] = {"tools": "", "sizing_mode": "stretch_both"}
        self.density = figure(
            x_range=self._x, y_range=self._y, y_axis_type="log",
            x_axis_label="eigenvalue", y_axis_label="density", **shared,
        )  # fmt: skip
        self.run = figure(
            x_range=self._steps, y_range=self._heights, x_axis_label="step",
            y_axis_label="curvature", **shared,
        )  # fmt: skip
        self.blocks = figure(
            x_range=self._widths,
            y_range=["-"],
            x_axis_label="by layer: trace, ◆ largest λ",
            **shared,
        )
        self._draw()
        for plot in (self.density, self.run, self.blocks):
            theme.style(plot)
            plot.toolbar_location = None
            plot.min_border_left, plot.min_border_right = 62, 14
        for axis in (self.run.yaxis, self.blocks.xaxis, self.density.xaxis):
            axis.formatter = CustomJSTickFormatter(code=NUMBER)
            axis.ticker.desired_num_ticks = 4
        self.density.yaxis.ticker = LogTicker(desired_num_ticks=4)
        self.blocks.ygrid.visible = False
        self.run.visible = self.blocks.visible = False  # until there is something to show
        self.figure = column(
            self.density, self.run, self.blocks, sizing_mode="stretch_both", spacing=0
        )

    def update(
        self,
        spectrum: xr.Dataset | None,
        along: xr.Dataset | None,
        matrix: str = "Hessian",
        *,
        bound: float | None = None,
    ) -> None:
        """Show the spectrum (block, rank, point) and the curvature (step, rank); either may wait.

        Args:
            spectrum: `eigenvalue`, `trace`, `trace_error`, `eigenvalue_axis`, `density`,
                `density_low` and `density_high` by block, as
                `landscape_core.curvature.spectrum` gives them.
            along: `eigenvalue` (step, rank), `trace` and `trace_error` (step).
            matrix: whose eigenvalues they are, as it is named to people.
            bound: the largest eigenvalue at which steps of this size are stable, 2/η.
        """
        put(self.density.xaxis[0], axis_label=_caption(matrix, spectrum))
        put(self.density, visible=spectrum is not None or along is None)
        put(self.run, visible=along is not None)
        self._show_spectrum(spectrum)
        self._show_layers(spectrum)
        self._show_run(along, bound)

    def _draw(self) -> None:
        plot = self.density
        plot.varea(
            x="eigenvalue_axis",
            y1="low",
            y2="high",
            source=self.spectrum,
            color=theme.ACCENT,
            alpha=0.25,
        )
        plot.line("eigenvalue_axis", "density", source=self.spectrum, color=theme.ACCENT, width=1.8)
        found = plot.scatter(
            "at", "height", source=self.ticks, marker="inverted_triangle", size=9,
            fill_color=theme.CURRENT, line_color="#ffffff",
        )  # fmt: skip
        plot.add_tools(
            HoverTool(renderers=[found], tooltips=[("", "@text")], visible=False, mode="vline")
        )
        items = []
        for name, color in zip(RANKS, SHADES, strict=True):
            line = self.run.line("step", name, source=self.along, color=color, width=2)
            dots = self.run.scatter("step", name, source=self.along, color=color, size=4)
            if name == RANKS[0]:
                items.append(explained(self.run, "largest eigenvalues", line, dots))
        self.run.varea(
            x="step", y1="trace_low", y2="trace_high", source=self.along,
            color=theme.SPLITS["test"], alpha=0.25,
        )  # fmt: skip
        line = self.run.line(
            "step", "trace", source=self.along, color=theme.SPLITS["test"], width=2
        )
        dots = self.run.scatter(
            "step", "trace", source=self.along, color=theme.SPLITS["test"], size=4
        )
        items.append(explained(self.run, "trace ± error", line, dots))
        line = self.run.line(
            "step", "height", source=self.bound, color=theme.INK, width=1.4, line_dash="dashed"
        )
        bound = explained(self.run, "2/η: steps are stable below", line)
        self._bound = Legend(items=[bound], visible=False)
        for legend in (self._bound, Legend(items=items)):
            theme.key(legend)
            self.run.add_layout(legend, "above")
        self.blocks.hbar(
            y="layer", right="trace", height=0.6, source=self.layers, color=theme.SPLITS["test"]
        )
        self.blocks.segment(
            x0="error_low", x1="error_high", y0="layer", y1="layer", source=self.layers,
            color=theme.INK, width=2,
        )  # fmt: skip
        self.blocks.scatter(
            "largest", "layer", source=self.layers, marker="diamond", size=10,
            fill_color=theme.ACCENT, line_color="#ffffff",
        )  # fmt: skip

    def _show_spectrum(self, spectrum: xr.Dataset | None) -> None:
        empty = np.empty(0, np.float32)
        data: dict[str, Any] = dict.fromkeys(SPECTRUM, empty)
        marks: dict[str, Any] = {"at": empty, "height": empty, "text": []}
        if spectrum is not None:
            whole = spectrum.sel(block=WHOLE)
            values = whole["eigenvalue"].dropna("rank")
            top = float(np.nanmax(whole["density"])) if whole["density"].notnull().any() else 1.0
            floor = top / 10**DECADES
            if whole["density"].notnull().any():
                names = {"eigenvalue_axis": "eigenvalue_axis", "density": "density"}
                names |= {"low": "density_low", "high": "density_high"}
                data = {name: whole[source].values for name, source in names.items()}
                for name in SPECTRUM[1:]:
                    data[name] = np.where(data["density"] < floor, np.nan, data[name])
                data["low"] = np.maximum(data["low"], floor)
                data = {name: narrow(column) for name, column in data.items()}
            words = [f"λ = {v:.4g} ± {r:.1g}".replace("-", "−") for v, r in
                     zip(values.values, whole["residual"].sel(rank=values["rank"]).values,
                         strict=True)]  # fmt: skip
            marks = {
                "at": narrow(values.values),
                "height": narrow(np.full(len(values), floor * 1.8)),
                "text": words,
            }
            reach = np.concatenate([values.values, data["eigenvalue_axis"]])
            put(self._x, **ends(reach, 0.03))
            put(self._y, start=floor, end=top * 3)
        send(self.spectrum, data)
        send(self.ticks, marks)

    def _show_layers(self, spectrum: xr.Dataset | None) -> None:
        names = [] if spectrum is None else [str(b) for b in spectrum["block"].values if b != WHOLE]
        data: dict[str, Any] = {name: np.empty(0, np.float32) for name in LAYERS} | {"layer": []}
        if spectrum is not None and names:
            part = spectrum.sel(block=names)
            trace, error = part["trace"].values, part["trace_error"].values
            data = {
                "layer": names,
                "largest": narrow(part["eigenvalue"].isel(rank=0).values),
                "trace": narrow(trace),
                "error_low": narrow(trace - error),
                "error_high": narrow(trace + error),
            }
            reach = np.concatenate([[0.0], trace + error, data["largest"]])
            put(self._widths, **ends(reach, 0.05))
            if list(self.blocks.y_range.factors) != names[::-1]:
                self.blocks.y_range.factors = names[::-1]
        put(self.blocks, visible=bool(names))
        send(self.layers, data)

    def _show_run(self, along: xr.Dataset | None, bound: float | None) -> None:
        near = False
        data: dict[str, Any] = {name: np.empty(0, np.float32) for name in ALONG}
        if along is not None:
            values = along["eigenvalue"].values
            missing = np.full((len(values), max(0, len(RANKS) - values.shape[1])), np.nan)
            leading = np.concatenate([values, missing], axis=1)[:, : len(RANKS)]
            trace, error = along["trace"].values, along["trace_error"].values
            columns = dict(zip(RANKS, leading.T, strict=True))
            columns |= {"trace": trace, "trace_low": trace - error, "trace_high": trace + error}
            data = {name: narrow(column) for name, column in columns.items()}
            data["step"] = narrow(along["step"].values)
            steps = along["step"].values
            put(self._steps, **ends(steps if len(steps) > 1 else np.append(0, steps), 0.02))
            reach = np.concatenate([leading.ravel(), trace])
            if bound is not None and (near := bound < NEAR * float(np.nanmax(reach, initial=0.0))):
                reach = np.append(reach, bound)
            put(self._heights, **ends(reach, 0.06))
        sides = np.array([self._steps.start, self._steps.end] if near else [])
        send(self.bound, {"step": narrow(sides), "height": narrow(np.full(len(sides), bound))})
        put(self._bound, visible=near)
        send(self.along, data)


def _caption(matrix: str, spectrum: xr.Dataset | None) -> str:
    """Whose eigenvalues they are, and whether any farther out than those marked was met."""
    words = f"eigenvalue of the {matrix}"
    if spectrum is None or "leading" not in spectrum:
        return words
    whole = spectrum.sel(block=WHOLE)
    asked = whole["eigenvalue"].notnull() | np.isinf(whole["residual"])
    if bool(whole["leading"].where(asked, other=True).all()):
        return f"{words}\n▼ random search found none beyond these"
    return f"{words}\n▼ some beyond these may be missing"

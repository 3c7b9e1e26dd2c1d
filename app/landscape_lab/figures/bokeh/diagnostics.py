"""What was measured of a network at a point, each variable drawn as its dimensions ask for."""

import html
import textwrap
from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr
from bokeh.core.properties import value
from bokeh.layouts import column
from bokeh.models import (
    CustomJSTickFormatter,
    Div,
    FactorRange,
    HoverTool,
    Legend,
    LegendItem,
    Range1d,
)
from bokeh.plotting import figure

from landscape_lab.figures import theme
from landscape_lab.figures.bokeh.axes import ends, put
from landscape_lab.figures.bokeh.curves import NUMBER
from landscape_lab.figures.bokeh.maps import Map, columns
from landscape_lab.figures.color_schemes import css
from landscape_lab.figures.diagnostic_values import (
    ERROR,
    bars_title,
    drawn,
    falling_curves,
    is_bars,
    is_logged,
    is_matrix,
    matrix_of,
    number,
    read,
    titled,
)
from landscape_lab.figures.pixels import Array, narrow

WAITING = "Computed when the run is paused."
MEASURING = "Computing …"
NOTHING = "This network has no part that this is measured of."

NAMED = 6
"""Curves that are named in a legend, at most; of more, the pointer tells the names."""

LEFT = 84
"""Pixels at the left of all panels, so that they lie below each other."""

WIDE = 40
"""Letters in a line of a title."""

SHORT = """
    return tick.length > 16 ? '…' + tick.slice(-15) : tick
"""
"""Labels of an axis, the end of long ones."""

PLOT: dict[str, Any] = {"tools": "", "sizing_mode": "stretch_width", "toolbar_location": None}


class Diagnostics:
    """One panel a variable, below each other; more than fit are scrolled."""

    def __init__(self) -> None:
        """No panels yet, in a column that fills the space it is given."""
        self.words = Div(
            text=WAITING,
            styles={
                "color": css(theme.MUTED),
                "font": f"{theme.NORMAL} {theme.FONT}",
                "padding": "6px",
            },
        )
        self.panels = column(sizing_mode="stretch_width")
        self.figure = column(
            self.words,
            self.panels,
            sizing_mode="stretch_both",
            styles={"overflow-y": "auto", "overflow-x": "hidden"},
        )
        self._found: xr.Dataset | None = None

    def update(self, found: xr.Dataset | None, *, held: bool = True) -> None:
        """Show what was measured, or pale what was measured last while the next is awaited.

        Args:
            found: variables with `units` and `long_name`, as a diagnostic gives
                them; those named `*_error` are the standard errors of the others.
            held: whether the run stands, so that what is awaited is on its way.
        """
        put(self.panels, styles={"opacity": "1" if found is not None else "0.3"})
        if found is None:
            put(self.words, text=MEASURING if held else WAITING)
            return
        put(self.words, text=_headline(found))
        if self._found is None or not found.identical(self._found):
            self._found = found
            self.panels.children = list(_panels(found))


def _panels(found: xr.Dataset) -> Iterator[Any]:
    for name in drawn(found):
        given = found[name]
        if is_matrix(given):
            yield _matrix(given)
        elif is_bars(given):
            yield _bars(given, found.get(f"{name}{ERROR}"))
        elif given.ndim:
            yield _curves(given)


def _headline(found: xr.Dataset) -> str:
    """What it is, of how many examples, and the variables that are single numbers."""
    title, examples = found.attrs.get("title", ""), found.attrs.get("examples")
    told = [f"<b>{html.escape(str(title))}</b> at the current point, on {examples} examples"]
    names = drawn(found)
    for name in names:
        if found[name].ndim == 0:
            error = found.get(f"{name}{ERROR}")
            told.append(f"{titled(found[name])}: <b>{read(found[name], error)}</b>")
    return "<br>".join(told if names else [*told, NOTHING])


def _plot(title: str, height: int, **more: Any) -> Any:
    lines = textwrap.wrap(title, WIDE)
    plot = figure(title="\n".join(lines), height=height + 15 * len(lines), **PLOT, **more)
    theme.style(plot)
    plot.title.update(
        text_font=theme.FONT, text_font_size=theme.SMALL, text_font_style="normal",
        text_color=theme.INK, standoff=2, offset=6 - LEFT,
    )  # fmt: skip
    plot.update(min_border_left=LEFT, min_border_right=14)
    return plot


def _bars(given: xr.DataArray, error: xr.DataArray | None) -> Any:
    """A bar for each name with its value and standard error; where values span much, a point."""
    names = [str(name) for name in given[given.dims[0]].values]
    values = given.values.astype(float)
    errors = np.full(len(values), np.nan) if error is None else error.values.astype(float)
    logged = is_logged(values)
    known = np.isfinite(values) & ((values > 0) | (not logged))
    tops = values[known] + np.nan_to_num(errors[known])
    reach = np.concatenate([values[known], tops, [] if logged else [0.0]])
    low, high = _room(reach, 0.4 if error is None else 0.8, logged=logged)
    base = np.full(len(values), low if logged else 0.0)
    rows = FactorRange(factors=names[::-1])
    plot = _plot(
        bars_title(given), 40 + 19 * len(names), y_range=rows, x_range=Range1d(low, high),
        x_axis_type="log" if logged else "linear",
    )  # fmt: skip
    words = [number(v, None if np.isnan(e) else e) for v, e in zip(values, errors, strict=True)]
    at = np.where(known, values, base)
    data = columns(at=at, base=base, low=np.maximum(at - errors, low), high=at + errors)
    source = theme.source()
    source.data = data | {"name": names, "text": words}
    bar = plot.hbar(
        y="name", left="base", right="at", height=0.18 if logged else 0.62, source=source,
        fill_color="#a9cbd3" if logged else theme.ACCENT, line_color=None,
    )  # fmt: skip
    if logged:
        plot.scatter("at", "name", source=source, size=8, color=theme.ACCENT)
    if error is not None:
        plot.segment(
            "low", "name", "high", "name", source=source, color=theme.CURRENT, line_width=2
        )
    plot.text(
        "high" if error is not None else "at", "name", text="text", source=source, x_offset=7,
        text_baseline="middle", text_font=value(theme.FONT), text_font_size="10px",
        text_color=theme.MUTED,
    )  # fmt: skip
    plot.add_tools(_told(bar, "@name<br>@text"))
    plot.ygrid.visible = False
    _shorten(plot.yaxis[0])
    _count(plot.xaxis[0], logged=logged)
    return plot


def _room(reach: Array, more: float, *, logged: bool) -> tuple[float, float]:
    """The ends of an axis that leaves room for words behind the longest bar, a share of it."""
    if not reach.size:
        return 0.0, 1.0
    low, high = float(reach.min()), float(reach.max())
    if logged:
        share = np.log10(high / low)
        return low / 10 ** (0.12 * share), high * 10 ** (more * share)
    extent = (high - low) or 1.0
    return low - (0.05 * extent if low < 0 else 0.0), high + more * extent


def _curves(given: xr.DataArray) -> Any:
    """A figure of falling curves."""
    found = falling_curves(given)
    height = ends(found.table, 0.08, logged=found.logged) or {"start": 0.1, "end": 1.0}
    plot = _plot(
        found.title, 150, x_range=Range1d(**ends(found.x, 0.03)), y_range=Range1d(**height),
        y_axis_type="log" if found.logged else "linear", x_axis_label=found.axis,
    )  # fmt: skip
    _lines(plot, found.x, dict(zip(found.names, found.table, strict=True)))
    _count(plot.yaxis[0], logged=found.logged)
    _count(plot.xaxis[0])
    if found.numbered:
        plot.xaxis.ticker.update(min_interval=1)
    return plot


def _lines(plot: Any, x: Array, rows: dict[str, Array]) -> None:
    """A line with its points for each row, the first dark and the last light."""
    last = max(1, len(rows) - 1)
    items = []
    for i, (name, row) in enumerate(rows.items()):
        color = theme.LANDSCAPE[i * 215 // last] if len(rows) > 1 else theme.ACCENT
        source = theme.source()
        source.data = {"x": narrow(x), "y": narrow(row), "name": [name] * len(x)}
        line = plot.line("x", "y", source=source, color=color, line_width=1.8)
        dots = plot.scatter("x", "y", source=source, color=color, size=4)
        plot.add_tools(_told(dots, "@name<br>@x: @y"))
        items.append(LegendItem(label=value(name[-16:]), renderers=[line]))
    if 1 < len(rows) <= NAMED:
        legend = Legend(items=items, ncols=3)
        theme.key(legend)
        plot.add_layout(legend, "above")
        plot.height += 16 * -(-len(rows) // 3) + 4
    elif len(rows) > 1:
        first, *_, end = rows
        plot.title.text += f"\ndark: {first[-16:]}, light: {end[-16:]}"
        plot.height += 15


def _matrix(given: xr.DataArray) -> Any:
    """An image of a matrix whose rows and columns are all pairs of its dimensions."""
    shown = matrix_of(given)
    image = Map("\n".join(textwrap.wrap(str(shown.name), WIDE)))
    finite = shown.values[np.isfinite(shown.values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    high = high if high > low else low + 1.0
    image.update(shown, (low, high), theme.ticks(low, high, "linear", cut=False), smooth=False)
    image.figure.update(sizing_mode="stretch_width", height=300)
    return image.figure


def _told(renderer: Any, lines: str) -> HoverTool:
    tip = f'<div style="font: {theme.SMALL} {theme.FONT}; color: {css(theme.INK)}">{lines}</div>'
    return HoverTool(renderers=[renderer], tooltips=tip, visible=False)


def _shorten(axis: Any) -> None:
    axis.formatter = CustomJSTickFormatter(code=SHORT)
    axis.major_tick_line_color = None


def _count(axis: Any, *, logged: bool = False) -> None:
    axis.formatter = CustomJSTickFormatter(code=NUMBER)
    axis.ticker.desired_num_ticks = 4
    if logged:
        axis.ticker.mantissas = [1, 3]

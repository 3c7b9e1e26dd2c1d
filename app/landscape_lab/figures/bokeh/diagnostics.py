"""What was measured of a network at a point, each variable drawn as its dimensions ask for.

Numbers by name (layers, tensors) are bars; values along ranks or over units are falling curves, one
for each layer; a kernel is an image; a single number is a line of text.
"""

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
from landscape_lab.figures.pixels import Array, narrow

WAITING = "Measured once the run is held."
MEASURING = "Being measured where the run is held …"
NOTHING = "This network has no part that this is measured of."

PAIRED = "other_"
"""Before their names where dimensions stand a second time: the variable is a matrix."""

MEANT = {"block": "layer"}
"""What a dimension is called where its name says little."""

ERROR = "_error"
"""Behind the name of a variable: its standard error."""

SPAN = 30.0
"""Values whose largest is more than so many times their least are drawn on logarithmic axes."""

TINY = 1e-6
"""Negative values this small beside the largest are rounding, and no reason for linear axes."""

LARGEST = 400
"""Rows of a matrix that are drawn, at most."""

POINTS = 100
"""Of values in falling order so many are drawn, at most."""

NAMED = 6
"""Curves that are named in a legend, at most; of more, the pointer tells the names."""

LEFT = 84
"""Pixels at the left of all panels, so that they lie below each other."""

WIDE = 40
"""Letters in a line of a title."""

SHORT = """
    return tick.length > 16 ? '…' + tick.slice(-15) : tick
"""
"""Names beside an axis, the end of long ones."""

PLOT: dict[str, Any] = {"tools": "", "sizing_mode": "stretch_width", "toolbar_location": None}


class Diagnostics:
    """One panel a variable, below each other; more than fit are scrolled."""

    def __init__(self) -> None:
        """No panels yet, in a column that fills the space it is given."""
        self.words = Div(
            text=WAITING,
            styles={"color": theme.MUTED, "font": f"{theme.NORMAL} {theme.FONT}", "padding": "6px"},
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
    for name in _drawn(found):
        given = found[name]
        if any(dim.startswith(PAIRED) for dim in map(str, given.dims)):
            yield _matrix(given)
        elif given.ndim == 1 and _is_named(given, str(given.dims[0])):
            yield _bars(given, found.get(f"{name}{ERROR}"))
        elif given.ndim:
            yield _curves(given)


def _drawn(found: xr.Dataset) -> list[str]:
    """The variables that have values, but not those that are the errors of others."""
    return [
        str(name)
        for name, given in found.data_vars.items()
        if given.size and not (str(name).endswith(ERROR) and str(name)[: -len(ERROR)] in found)
    ]


def _headline(found: xr.Dataset) -> str:
    """What it is, of how many examples, and the variables that are single numbers."""
    title, examples = found.attrs.get("title", ""), found.attrs.get("examples")
    told = [f"<b>{html.escape(str(title))}</b> where the run is held, on {examples} examples"]
    names = _drawn(found)
    for name in names:
        if found[name].ndim == 0:
            error = found.get(f"{name}{ERROR}")
            told.append(f"{_titled(found[name])}: <b>{_read(found[name], error)}</b>")
    return "<br>".join(told if names else [*told, NOTHING])


def _read(given: xr.DataArray, error: xr.DataArray | None) -> str:
    return _number(float(given), None if error is None else float(error))


def _number(number: float, error: float | None = None) -> str:
    words = f"{number:.3g}" if error is None else f"{number:.3g} ± {error:.2g}"
    return words.replace("-", "−")


def _titled(given: xr.DataArray, by: str = "") -> str:
    """What a variable is, by what it is told apart, and its unit."""
    units = given.attrs.get("units", "1")
    name = str(given.attrs.get("long_name", given.name)) + (f" by {by}" if by else "")
    return name if units in ("1", "") or units in name else f"{name} ({units})"


def _is_named(given: xr.DataArray, dim: str) -> bool:
    """Whether a dimension has names and not numbers."""
    return dim in given.coords and given[dim].dtype.kind in "USO"


def _is_logged(values: Array) -> bool:
    finite = values[np.isfinite(values)]
    above = finite[finite > 0]
    if not above.size or finite.min() < -TINY * above.max():
        return False
    return bool(above.max() > SPAN * above.min())


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
    logged = _is_logged(values)
    drawn = np.isfinite(values) & ((values > 0) | (not logged))
    known = values[drawn]
    reach = np.concatenate([known, (known + np.nan_to_num(errors[drawn])), [] if logged else [0.0]])
    low, high = _room(reach, 0.4 if error is None else 0.8, logged=logged)
    base = np.full(len(values), low if logged else 0.0)
    rows = FactorRange(factors=names[::-1])
    title = _titled(given, MEANT.get(str(given.dims[0]), str(given.dims[0])))
    plot = _plot(
        title, 40 + 19 * len(names), y_range=rows, x_range=Range1d(low, high),
        x_axis_type="log" if logged else "linear",
    )  # fmt: skip
    words = [_number(v, None if np.isnan(e) else e) for v, e in zip(values, errors, strict=True)]
    at = np.where(drawn, values, base)
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
    """Values along the last dimension, a curve for each name; medians over all other dimensions.

    Where the last dimension has no coordinate its order means nothing: all values of a name fall.
    """
    named, along = str(given.dims[0]), str(given.dims[-1])
    several = given.ndim > 1 and _is_named(given, named)
    names = [str(name) for name in given[named].values] if several else [""]
    others = [str(dim) for dim in given.dims[int(several) : -1]]
    values = given.values.astype(float).reshape(len(names), -1, given.sizes[along])
    title = _titled(given)
    if along in given.coords:
        x, table = given[along].values.astype(float), _medians(values)
        title += "".join(f", median over {dim}s" for dim in others)
        axis: dict[str, Any] = {"x_axis_label": along}
    else:
        x, table = _falling(values.reshape(len(names), -1))
        axis = {"x_axis_label": "share, highest first" if others else f"{along}s, highest first"}
    logged = _is_logged(table)
    shown = np.where(np.isfinite(table) & ((table > 0) | (not logged)), table, np.nan)
    lost = int((np.isfinite(table) & np.isnan(shown)).sum())
    plot = _plot(
        title + (f"; {lost} not above zero, left out" if lost else ""), 150,
        x_range=Range1d(**ends(x, 0.03)), y_axis_type="log" if logged else "linear",
        y_range=Range1d(**(ends(shown, 0.08, logged=logged) or {"start": 0.1, "end": 1.0})), **axis,
    )  # fmt: skip
    _lines(plot, x, dict(zip(names, shown, strict=True)))
    _count(plot.yaxis[0], logged=logged)
    _count(plot.xaxis[0])
    if along in given.coords:
        plot.xaxis.ticker.update(min_interval=1)
    return plot


def _medians(values: Array) -> Array:
    """Over the middle one of three dimensions, of what is finite."""
    return np.asarray(np.ma.median(np.ma.masked_invalid(values), axis=1).filled(np.nan))


def _falling(values: Array) -> tuple[Array, Array]:
    """The finite values of each row from the highest to the lowest, against shares of the row."""
    shares = np.linspace(0.0, 1.0, min(POINTS, values.shape[1]))
    table = np.full((len(values), len(shares)), np.nan)
    for filled, row in zip(table, values, strict=True):
        known = np.sort(row[np.isfinite(row)])[::-1]
        if known.size:
            filled[:] = known[np.rint(shares * (len(known) - 1)).astype(int)]
    return shares, table


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
    rows = [str(dim) for dim in given.dims if not str(dim).startswith(PAIRED)]
    wide = [f"{PAIRED}{dim}" for dim in rows]
    size = int(np.prod([given.sizes[dim] for dim in rows]))
    values = given.transpose(*rows, *wide).values.astype(float).reshape(size, size)
    values = values[:LARGEST, :LARGEST]
    meaning = {"long_name": " × ".join(dim for dim in rows if given.sizes[dim] > 1) or rows[0]}
    place = np.arange(1.0, 1 + len(values))
    shown = xr.DataArray(
        values,
        {"beta": ("beta", place, meaning), "alpha": ("alpha", place, meaning)},
        ("beta", "alpha"),
    )
    title = _titled(given) + (f", the first {LARGEST} of {size}" if size > LARGEST else "")
    image = Map("\n".join(textwrap.wrap(title, WIDE)))
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    high = high if high > low else low + 1.0
    image.update(shown, (low, high), theme.ticks(low, high, "linear", cut=False), smooth=False)
    image.figure.update(sizing_mode="stretch_width", height=300)
    return image.figure


def _told(renderer: Any, lines: str) -> HoverTool:
    tip = f'<div style="font: {theme.SMALL} {theme.FONT}; color: {theme.INK}">{lines}</div>'
    return HoverTool(renderers=[renderer], tooltips=tip, visible=False)


def _shorten(axis: Any) -> None:
    axis.formatter = CustomJSTickFormatter(code=SHORT)
    axis.major_tick_line_color = None


def _count(axis: Any, *, logged: bool = False) -> None:
    axis.formatter = CustomJSTickFormatter(code=NUMBER)
    axis.ticker.desired_num_ticks = 4
    if logged:
        axis.ticker.mantissas = [1, 3]

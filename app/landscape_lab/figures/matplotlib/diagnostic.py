"""What was measured of a network at a point: a panel for each variable, as its dimensions ask."""

import textwrap
from typing import Any, ClassVar

import numpy as np
import xarray as xr

from landscape_lab.figures import theme
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
from landscape_lab.figures.matplotlib.base import Drawing, Place, PlotOptions
from landscape_lab.figures.matplotlib.paper import WIDTH

NAMED = 6
"""Curves that are named in a key, at most; of more, the first and the last."""

BAR, TITLE, CURVES, MATRIX = 0.19, 0.75, 2.2, 3.4
"""Inches of a bar, of what stands around the bars, of a panel of curves, of a matrix."""


class Diagnostic(Drawing[xr.Dataset]):
    """All variables below each other, or the one that is asked for."""

    rank: ClassVar[int] = 90
    needs: ClassVar[str] = "a diagnostic: variables with a title in the attributes"

    def draws(self, dataset: object) -> bool:
        return (
            isinstance(dataset, xr.Dataset)
            and "title" in dataset.attrs
            and bool(_panels(dataset))
            and all(dataset[name].dtype.kind in "fiub" for name in _panels(dataset))
        )

    def variables(self, dataset: xr.Dataset) -> list[str]:
        return ["", *_panels(dataset)]

    def size(self, dataset: xr.Dataset) -> tuple[float, float]:
        return WIDTH, sum(_heights(dataset, _panels(dataset))) + 0.4

    def draw(self, place: Place, dataset: xr.Dataset, options: PlotOptions) -> Any:
        names = [options.variable] if options.variable else _panels(dataset)
        if not place.is_whole:
            names = names[:1]
        ratios = _heights(dataset, names)
        if len(names) > 1:
            every = list(place.panels(len(names), 1, height_ratios=ratios)[:, 0])
        else:
            every = [place.axes()]
        for axes, name in zip(every, names, strict=True):
            _draw(axes, dataset, name, options)
        if place.is_whole:
            told = [str(dataset.attrs["title"]), *_numbers(dataset)]
            place.figure.suptitle("\n".join(told), fontsize=9, color=theme.INK, x=0.01, ha="left")
        return every[0]


def _panels(found: xr.Dataset) -> list[str]:
    """The variables that have a panel; of single numbers only, these."""
    names = drawn(found)
    return [name for name in names if found[name].ndim] or names


def _numbers(found: xr.Dataset) -> list[str]:
    """The variables that are single numbers, in words."""
    names = [name for name in drawn(found) if not found[name].ndim]
    return [
        f"{titled(found[name])}: {read(found[name], found.get(name + ERROR))}" for name in names
    ]


def _heights(found: xr.Dataset, names: list[str]) -> list[float]:
    """Inches of each panel."""
    return [
        MATRIX
        if is_matrix(found[name])
        else TITLE + BAR * found[name].size
        if is_bars(found[name]) or not found[name].ndim
        else CURVES
        for name in names
    ]


def _draw(axes: Any, found: xr.Dataset, name: str, options: PlotOptions) -> None:
    given = found[name]
    if is_matrix(given):
        _matrix(axes, given, options)
    elif is_bars(given) or not given.ndim:
        _bars(axes, given, found.get(f"{name}{ERROR}"))
    else:
        _curves(axes, given)
    axes.spines[["top", "right"]].set_visible(False)


def _title(axes: Any, words: str) -> None:
    axes.set_title("\n".join(textwrap.wrap(words, 90)), loc="left", fontsize=8.5, color=theme.INK)


def _bars(axes: Any, given: xr.DataArray, error: xr.DataArray | None) -> None:
    """A bar for each name with its value and standard error; where values span much, a point."""
    values = np.atleast_1d(given.values.astype(float))
    names = [str(name) for name in given[given.dims[0]].values] if given.ndim else [""]
    errors = np.zeros(len(values)) if error is None else np.atleast_1d(error.values)
    logged, rows = is_logged(values), np.arange(len(values))
    known = np.isfinite(values) & ((values > 0) | (not logged))
    if logged:
        axes.set_xscale("log")
        axes.plot(values[known], rows[known], "o", color=theme.ACCENT, markersize=5)
    else:
        axes.barh(rows[known], values[known], height=0.62, color=theme.ACCENT)
    if error is not None:
        axes.errorbar(
            values[known], rows[known], xerr=errors[known], fmt="none", ecolor=theme.CURRENT
        )
    for row in rows:
        words = number(float(values[row]), None if error is None else float(errors[row]))
        at = values[row] + errors[row] if known[row] else 0.0 if not logged else values[known].min()
        axes.annotate(
            words, (at, row), (5, 0), textcoords="offset points", va="center", fontsize=7,
            color=theme.MUTED,
        )  # fmt: skip
    axes.margins(x=0.16)
    axes.set_yticks(rows, [name if len(name) <= 28 else f"…{name[-27:]}" for name in names])
    axes.set_ylim(len(values) - 0.4, -0.6)
    axes.grid(axis="x", color=theme.GRID)
    axes.set_axisbelow(True)
    _title(axes, bars_title(given) if given.ndim else titled(given))


def _curves(axes: Any, given: xr.DataArray) -> None:
    """A falling curve for each name, the first dark and the last light."""
    found = falling_curves(given)
    last = max(1, len(found.names) - 1)
    for i, (name, row) in enumerate(zip(found.names, found.table, strict=True)):
        color = theme.LANDSCAPE[i * 215 // last] if len(found.names) > 1 else theme.ACCENT
        told = len(found.names) <= NAMED or i in (0, last)
        axes.plot(
            found.x, row, "o-", color=color, markersize=2.5, linewidth=1.4,
            label=name[-24:] if told and name else None,
        )  # fmt: skip
    if found.logged:
        axes.set_yscale("log")
    if len(found.names) > 1:
        axes.legend(frameon=False, fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5))
    axes.set_xlabel(found.axis)
    axes.grid(color=theme.GRID)
    _title(axes, found.title)


def _matrix(axes: Any, given: xr.DataArray, options: PlotOptions) -> None:
    """An image of a matrix."""
    shown = matrix_of(given)
    ends = options.limits or (None, None)
    image = axes.imshow(shown.values, cmap=options.colors(), vmin=ends[0], vmax=ends[1])
    axes.figure.colorbar(image, ax=axes, pad=0.02).outline.set_visible(False)
    axes.set(xlabel=shown["alpha"].attrs["long_name"], ylabel=shown["beta"].attrs["long_name"])
    _title(axes, str(shown.name))

"""What of a diagnostic is drawn: titles, and values as bars, as falling curves or as a matrix.

Numbers by name (layers, tensors) are bars; values along ranks or over units are falling curves, one
for each layer; a kernel is a matrix; a single number is a line of text.
"""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from landscape_lab.figures.pixels import Array

PAIRED = "other_"
"""Before their names where dimensions stand a second time: the variable is a matrix."""

MEANT = {"block": "layer"}
"""What a dimension is called where its name says little."""

ERROR = "_error"
"""Behind the name of a variable: its standard error."""

SPAN = 30.0
"""Values whose largest is more than so many times their least are drawn on logarithmic axes."""

TINY = 1e-6
"""Negative values this small relative to the largest are rounding: log axes are kept."""

LARGEST = 400
"""Rows of a matrix that are drawn, at most."""

POINTS = 100
"""Of values in falling order so many are drawn, at most."""


@dataclass(frozen=True, eq=False)
class FallingCurves:
    """Values along the last dimension, a row of `table` (names, points) for each name.

    `table` has NaN where a value cannot be drawn; `lost` are those left out since they have no
    logarithm.
    """

    names: list[str]
    x: Array
    table: Array
    title: str
    axis: str
    logged: bool
    lost: int
    numbered: bool


def drawn(found: xr.Dataset) -> list[str]:
    """The variables that have values, but not those that are the errors of others."""
    return [
        str(name)
        for name, given in found.data_vars.items()
        if given.size and not (str(name).endswith(ERROR) and str(name)[: -len(ERROR)] in found)
    ]


def is_matrix(given: xr.DataArray) -> bool:
    """Whether its dimensions stand twice."""
    return any(dim.startswith(PAIRED) for dim in map(str, given.dims))


def is_bars(given: xr.DataArray) -> bool:
    """Whether it is one number for each of some names."""
    return given.ndim == 1 and is_named(given, str(given.dims[0]))


def is_named(given: xr.DataArray, dim: str) -> bool:
    """Whether a dimension has names and not numbers."""
    return dim in given.coords and given[dim].dtype.kind in "USOT"


def is_logged(values: Array) -> bool:
    """Whether values span so much that a logarithmic axis is needed, and have logarithms."""
    finite = values[np.isfinite(values)]
    above = finite[finite > 0]
    if not above.size or finite.min() < -TINY * above.max():
        return False
    return bool(above.max() > SPAN * above.min())


def read(given: xr.DataArray, error: xr.DataArray | None) -> str:
    """A single number with its standard error."""
    return number(float(given), None if error is None else float(error))


def number(value: float, error: float | None = None) -> str:
    """A number with its standard error, if that is known."""
    words = f"{value:.3g}" if error is None else f"{value:.3g} ± {error:.2g}"
    return words.replace("-", "−")


def titled(given: xr.DataArray, by: str = "") -> str:
    """What a variable is, the dimensions that distinguish it, and its unit."""
    units = given.attrs.get("units", "1")
    name = str(given.attrs.get("long_name", given.name)) + (f" by {by}" if by else "")
    return name if units in ("1", "") or units in name else f"{name} ({units})"


def bars_title(given: xr.DataArray) -> str:
    """The title of numbers by name."""
    return titled(given, MEANT.get(str(given.dims[0]), str(given.dims[0])))


def falling_curves(given: xr.DataArray) -> FallingCurves:
    """Values along the last dimension for each name; medians over all other dimensions.

    Where the last dimension has no coordinate its order means nothing: all values of a name fall.
    """
    first, along = str(given.dims[0]), str(given.dims[-1])
    several = given.ndim > 1 and is_named(given, first)
    names = [str(name) for name in given[first].values] if several else [""]
    others = [str(dim) for dim in given.dims[int(several) : -1]]
    values = given.values.astype(float).reshape(len(names), -1, given.sizes[along])
    title = titled(given)
    if along in given.coords:
        x, table = given[along].values.astype(float), _medians(values)
        title += "".join(f", median over {dim}s" for dim in others)
        axis = along
    else:
        x, table = _falling(values.reshape(len(names), -1))
        axis = "share, highest first" if others else f"{along}s, highest first"
    logged = is_logged(table)
    shown = np.where(np.isfinite(table) & ((table > 0) | (not logged)), table, np.nan)
    lost = int((np.isfinite(table) & np.isnan(shown)).sum())
    title += f"; {lost} not above zero, left out" if lost else ""
    return FallingCurves(names, x, shown, title, axis, logged, lost, along in given.coords)


def matrix_of(given: xr.DataArray) -> xr.DataArray:
    """A matrix (beta, alpha) whose rows and columns are all pairs of its dimensions.

    Its name is the title; of many rows only the first `LARGEST` are there.
    """
    rows = [str(dim) for dim in given.dims if not str(dim).startswith(PAIRED)]
    wide = [f"{PAIRED}{dim}" for dim in rows]
    size = int(np.prod([given.sizes[dim] for dim in rows]))
    values = given.transpose(*rows, *wide).values.astype(float).reshape(size, size)
    values = values[:LARGEST, :LARGEST]
    meaning = {"long_name": " × ".join(dim for dim in rows if given.sizes[dim] > 1) or rows[0]}
    place = np.arange(1.0, 1 + len(values))
    return xr.DataArray(
        values,
        {"beta": ("beta", place, meaning), "alpha": ("alpha", place, meaning)},
        ("beta", "alpha"),
        titled(given) + (f", the first {LARGEST} of {size}" if size > LARGEST else ""),
    )


def _medians(values: Array) -> Array:
    """Over the middle one of three dimensions, of what is finite."""
    return np.asarray(np.ma.median(np.ma.masked_invalid(values), axis=1).filled(np.nan))


def _falling(values: Array) -> tuple[Array, Array]:
    """The finite values of each row in descending order, against fractions of the row."""
    shares = np.linspace(0.0, 1.0, min(POINTS, values.shape[1]))
    table = np.full((len(values), len(shares)), np.nan)
    for filled, row in zip(table, values, strict=True):
        known = np.sort(row[np.isfinite(row)])[::-1]
        if known.size:
            filled[:] = known[np.rint(shares * (len(known) - 1)).astype(int)]
    return shares, table

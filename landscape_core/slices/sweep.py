"""The objective on a grid of a line or plane: coarse to fine, each value computed or interpolated.

`sweep` and `coarse` read a probe over a grid. Long work is a generator: not asking for the next
value cancels it.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import xarray as xr

from landscape_core.foundation.public_call import public_call
from landscape_core.slices.grid import Grid, crossings
from landscape_core.slices.grid_values import GridValues, Spread
from landscape_core.slices.interpolation import Floats, Lines, levels_of
from landscape_core.slices.probe import Probe


def levels(grid: Grid, dimensions: int = 2) -> list[int]:
    """How many points are computed at each level of fineness; the last is all of them."""
    return [math.prod(map(len, lines)) for lines in levels_of(grid.shape(dimensions))]


@public_call
def coarse(
    read: Probe, grid: Grid, level: int, attrs: Mapping[str, Any] | None = None
) -> xr.Dataset:
    """The slice with the points of one level computed and the rest interpolated."""
    lines = levels_of(grid.shape(read.plane.dimensions))[level]
    grid_values = GridValues.blank(read, grid)
    grid_values.compute(crossings(lines))
    return grid_values.dataset(grid_values.interpolated(lines), attrs)


@public_call
def exact(
    read: Probe,
    grid: Grid,
    attrs: Mapping[str, Any] | None = None,
    start: xr.Dataset | None = None,
) -> Iterator[xr.Dataset]:
    """The whole slice, row by row and so fastest: about ten datasets a second, the last complete.

    Points not computed yet are NaN. Those that are computed in `start`, an unfinished slice of the
    same, are not computed again.
    """
    grid_values = GridValues.blank(read, grid).resumed(start)
    for _ in grid_values.work(np.argwhere(~grid_values.computed)):
        yield grid_values.dataset(grid_values.values, attrs)
    yield grid_values.dataset(grid_values.values, attrs)


@public_call
def sweep(
    read: Probe,
    grid: Grid,
    attrs: Mapping[str, Any] | None = None,
    *,
    start: xr.Dataset | None = None,
    spread: Spread | None = None,
) -> Iterator[xr.Dataset]:
    """The slice from coarse to fine; each dataset is complete, the last one wholly computed.

    The first comes after about a hundred points, further ones with every level, and within a level
    about ten a second.

    Args:
        read: what is read at each point.
        grid: at which points.
        attrs: attributes of the datasets.
        start: an unfinished slice of the same, whose computed points are kept.
        spread: `map` of a backend that computes elsewhere.
    """
    grid_values = GridValues.blank(read, grid).resumed(start)
    every = levels_of(grid.shape(read.plane.dimensions))
    if spread is not None:
        yield from _streamed(grid_values, every[0], spread, attrs)
        return
    shown: Floats | None = None
    for lines in every:
        for _ in grid_values.work(np.argwhere(grid_values.on(lines) & ~grid_values.computed)):
            if shown is not None:
                partly = np.where(grid_values.computed, grid_values.values, shown)
                yield grid_values.dataset(partly, attrs)
        shown = grid_values.interpolated(lines)
        yield grid_values.dataset(np.where(grid_values.computed, grid_values.values, shown), attrs)


def _streamed(
    grid_values: "GridValues",
    first: tuple[Lines, ...],
    spread: Spread,
    attrs: Mapping[str, Any] | None,
) -> Iterator[xr.Dataset]:
    """The slice as workers send it: the first lines before all others, but no waiting for them."""
    early, shown = grid_values.on(first), None
    missing = [np.argwhere(part & ~grid_values.computed) for part in (early, ~early)]
    for _ in grid_values.work(np.concatenate(missing), spread):
        if shown is None and grid_values.computed[early].all():
            shown = grid_values.interpolated(first)
        if shown is not None:
            yield grid_values.dataset(
                np.where(grid_values.computed, grid_values.values, shown), attrs
            )
    yield grid_values.dataset(grid_values.values, attrs)

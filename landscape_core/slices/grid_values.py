"""The values of a slice while it is computed: which points are known, and the rest interpolated."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr

from landscape_core.foundation.recipes import (
    ENGINE_VERSION,
    canonical,
    name_of,
    to_plain,
)
from landscape_core.models.user_parts import batch_attributes
from landscape_core.planes.plane import Plane
from landscape_core.slices import point_statistics
from landscape_core.slices.grid import Grid, Index, Mask
from landscape_core.slices.interpolation import Floats, Lines, filled_between
from landscape_core.slices.probe import Probe
from landscape_core.storage import schema

UPDATE_INTERVAL = 0.08
"""Seconds between two updates of a level that takes long."""

BITE = 0.04
"""Seconds of work between two looks at the clock."""

EVEN = 64
"""A larger bite is a multiple of about so many: strategies that compute many at once waste none."""

TILE = 0.25
"""Seconds of work in a tile that travels to a worker, about."""

TAPER = 12
"""A tile is at most this part of what is left."""

Spread = Callable[[Callable[[Floats], Floats], Sequence[Floats]], Iterator[tuple[int, Floats]]]
"""How calls are made elsewhere: `Backend.map`, (index, result) as they come."""


@dataclass(eq=False)
class GridValues:
    """The values (S, R, ...) so far, and which points are computed, (...); filled in place.

    S parts of the data, R rows of measures; behind them the sides of the grid, beta before alpha.
    `bite` is how many points take about `BITE` seconds, as far as is known, but at least so many as
    are computed together in any case.
    """

    read: Probe
    grid: Grid
    values: Floats
    computed: Mask
    together: int
    bite: int

    @classmethod
    def blank(cls, read: Probe, grid: Grid) -> "GridValues":
        """Nothing computed."""
        shape = grid.shape(read.plane.dimensions)
        values = np.full((len(read.parts), sum(read.rows.values()), *shape), np.nan)
        together = read.together
        bite = _evened(_count(BITE, read.seconds, 16), together)
        return cls(read, grid, values, np.zeros(shape, dtype=bool), together, bite)

    def resumed(self, start: xr.Dataset | None) -> "GridValues":
        """The same with what an unfinished slice has computed."""
        if start is None:
            return self
        done = start[schema.COMPUTED].values
        first = 0
        for name, size in self.read.rows.items():
            known = start[name].values
            known = known if size > 1 or self.read.measures[name].dimension else known[:, None]
            self.values[:, first : first + size, done] = known[:, :, done]
            first += size
        self.computed[done] = True
        return self

    @cached_property
    def sides(self) -> tuple[Floats, ...]:
        """The coordinates along each dimension of the values, beta before alpha."""
        return (self.grid.beta(), self.grid.alpha())[-self.read.plane.dimensions :]

    def on(self, lines: Sequence[Lines]) -> Mask:
        """Which points lie on crossings of grid lines."""
        chosen = np.zeros_like(self.computed)
        chosen[np.ix_(*lines)] = True
        return chosen

    def coords(self, index: Index) -> Floats:
        """The coordinates (K, D), alpha first, of points by their indices (K, D)."""
        along = zip(self.sides, index.T, strict=True)
        return np.stack([side[i] for side, i in along][::-1], axis=1)

    def put(self, index: Index, values: Floats) -> None:
        """Note the values (S, R, K) of points at indices (K, D)."""
        where = tuple(index.T)
        self.values[(slice(None), slice(None), *where)] = values
        self.computed[where] = True

    def compute(self, index: Index) -> None:
        """Compute the points at indices (K, D)."""
        if len(index):
            self.put(index, self.read(self.coords(index)))

    def work(self, missing: Index, spread: Spread | None = None) -> Iterator[None]:
        """Compute the points at indices (K, D), and pause whenever there is news to tell."""
        told = time.perf_counter()
        for done in self._spread(missing, spread) if spread else self._bites(missing):
            if time.perf_counter() - told > UPDATE_INTERVAL and done < len(missing):
                yield
                told = time.perf_counter()

    def _bites(self, missing: Index) -> Iterator[int]:
        """Compute one bite after another; how many points are done."""
        start = 0
        while start < len(missing):
            bite = missing[start : start + self.bite]
            began = time.perf_counter()
            self.compute(bite)
            start += len(bite)
            self._measure(len(bite), time.perf_counter() - began)
            yield start

    def _measure(self, points: int, seconds: float) -> None:
        """Fit the bite to what some points took; few tell only that there is time for more."""
        possible = int(points * BITE / max(seconds, 1e-6))
        if points == self.bite or possible > self.bite:
            self.bite = _evened(min(4 * self.bite, possible), self.together)

    def _spread(self, missing: Index, spread: Spread) -> Iterator[int]:
        """Have tiles of about `TILE` seconds computed elsewhere; how many points are done."""
        tiles = list(_tiles(missing, _count(TILE, self.read.seconds, 16), self.together))
        done = 0
        for i, values in spread(self.read, [self.coords(tile) for tile in tiles]):
            self.put(tiles[i], values)
            done += len(tiles[i])
            yield done

    def interpolated(self, lines: Sequence[Lines]) -> Floats:
        """All values, from those on the grid lines along each side."""
        shape, sizes = self.values.shape, self.computed.shape
        flat = self.values.reshape(-1, *sizes)
        where = np.ix_(*lines)
        found = [filled_between(part[where], lines, sizes) for part in flat]
        return np.stack(found).reshape(shape)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the dimensions of `computed`."""
        return (schema.BETA, schema.ALPHA)[-self.computed.ndim :]

    def dataset(
        self,
        values: Floats,
        attrs: Mapping[str, Any] | None = None,
        further: Mapping[str, Any] | None = None,
    ) -> xr.Dataset:
        """The named, unchangeable form of values (S, R, ...), and which are computed."""
        return named(self.read, self.grid, values, self.computed, attrs, further)


def _evened(points: int, together: int) -> int:
    """About this number of points, but a multiple of what is computed together."""
    even = -(-EVEN // together) * together
    return points // even * even or max(1, points // together) * together


def _tiles(missing: Index, size: int, together: int) -> Iterator[Index]:
    """The points in tiles of so many, towards the end smaller, so that no worker waits long.

    Smaller than what is computed together none is but the last.
    """
    start = 0
    while start < len(missing):
        left = len(missing) - start
        taken = min(size, max(-(-size // 4), -(-left // TAPER)))
        taken = -(-taken // together) * together
        yield missing[start : start + taken]
        start += taken


def named(
    read: Probe,
    grid: Grid,
    values: Floats,
    computed: Mask,
    attrs: Mapping[str, Any] | None = None,
    extra: Mapping[str, Any] | None = None,
) -> xr.Dataset:
    """The named, unchangeable form of values (S, R, ...), the mask of those computed, and more."""
    plane = read.plane
    dims = (schema.BETA, schema.ALPHA)[-plane.dimensions :]
    along = {schema.ALPHA: grid.alpha(), schema.BETA: grid.beta()}
    titles = dict(zip((schema.ALPHA, schema.BETA), axis_titles(plane), strict=False))
    coords: dict[str, Any] = {
        name: (name, along[name], {"long_name": titles[name], "units": schema.UNITS})
        for name in dims
    }
    table, first = {}, 0
    for name, size in read.rows.items():
        measure = read.measures[name]
        block = values[:, first : first + size] if measure.dimension else values[:, first]
        further = (measure.dimension,) if measure.dimension else ()
        coords.update({dimension: np.arange(size) for dimension in further})
        table[name] = ((schema.SPLIT, *further, *dims), frozen(block), {"units": measure.unit})
        first += size
    mask = {schema.COMPUTED: (dims, frozen(computed), {"long_name": "computed, not interpolated"})}
    split = {schema.SPLIT: list(read.parts)}
    return xr.Dataset(
        {**table, **mask, **(extra or {})},
        {**split, **coords},
        {**_described(read, grid), **(attrs or {})},
    )


def frozen(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A copy that nobody can write to."""
    copied = values.copy()
    copied.flags.writeable = False
    return copied


def _described(read: Probe, grid: Grid) -> dict[str, Any]:
    plane, one = read.plane, next(iter(read.parts.values()))
    statistics = point_statistics.description(one, plane)
    counts = {"examples": read.examples}
    return {
        "engine_version": ENGINE_VERSION,
        "schema_version": schema.SCHEMA_VERSION,
        "grid": canonical(_sides_of(grid, plane.dimensions)),
        "names": list(plane.names),
        "explained_variance_ratio": list(plane.explained_variance_ratio or ()),
        **(batch_attributes(read.parts) or counts),
        "strategy": [name_of(type(strategy)) for strategy in read.used.values()],
        "batch_norm": point_statistics.named(one, plane),
        **({"statistics": statistics} if statistics else {}),
        **({"given_points": canonical(list(plane.given))} if plane.given else {}),
        "dtype": str(plane.origin.dtype).removeprefix("torch."),
        "threads": torch.get_num_threads(),
        "draws": read.draws if read.draws_numbers else 0,
    }


def _sides_of(grid: Grid, dimensions: int) -> dict[str, Any]:
    """A grid in plain values; a line has no limits of beta, which Grid then takes from default."""
    plain: dict[str, Any] = to_plain(grid)
    return {k: v for k, v in plain.items() if dimensions == 2 or not k.startswith(schema.BETA)}


def axis_titles(plane: Plane) -> tuple[str, ...]:
    """The names of the axes, with what each explains where that is known."""
    if plane.explained_variance_ratio is None:
        return plane.names
    pairs = zip(plane.names, plane.explained_variance_ratio, strict=False)
    return tuple(f"{name} ({share:.0%} of the variance)" for name, share in pairs)


def _count(wanted: float, seconds: float, otherwise: int) -> int:
    """How many points take so long, if what one takes is known."""
    return max(1, int(wanted / seconds)) if seconds > 0 else otherwise

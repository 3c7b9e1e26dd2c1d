"""The objective on a grid of a line or plane: coarse to fine, each value computed or interpolated.

`sweep` and `coarse` read a probe over a grid. Long work is a generator: whoever stops asking has
cancelled it.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import (
    ENGINE_VERSION,
    Knob,
    Recipe,
    canonical,
    name_of,
    to_plain,
)
from landscape_core.planes.plane import Plane
from landscape_core.slices.interpolation import Floats, Lines, filled, lines_of
from landscape_core.slices.probe import Probe
from landscape_core.storage import schema

NEWS = 0.08
"""Seconds between two news of a level that takes long."""

BITE = 0.04
"""Seconds of work between two looks at the clock."""

EVEN = 64
"""A larger bite is a multiple of about so many: strategies that compute many at once waste none."""

TILE = 0.25
"""Seconds of work in a tile that travels to a worker, about."""

TAPER = 12
"""A tile is at most this part of what is left."""

Mask = npt.NDArray[np.bool_]
Index = npt.NDArray[np.int64]
Spread = Callable[[Callable[[Floats], Floats], Sequence[Floats]], Iterator[tuple[int, Floats]]]
"""How calls are made elsewhere: `Backend.map`, (index, result) as they come."""


@dataclass(frozen=True, kw_only=True)
class Grid(Recipe):
    """Which points of a line or plane: a rectangle, in multiples of the axes."""

    resolution: Annotated[int, Knob(2, 1001, "points along each side")] = 51
    alpha_low: Annotated[float, Knob(-1e39, 1e39, "left end")] = -1.0
    alpha_high: Annotated[float, Knob(-1e39, 1e39, "right end")] = 1.0
    beta_low: Annotated[float, Knob(-1e39, 1e39, "lower end")] = -1.0
    beta_high: Annotated[float, Knob(-1e39, 1e39, "upper end")] = 1.0

    @classmethod
    def square(cls, span: float = 1.0, resolution: int = 51) -> "Grid":
        """The grid from -span to span along each axis."""
        if not (isinstance(span, int | float | np.number) and span > 0):
            raise SpecError("span", span, "larger than 0")
        low = -span
        return cls(
            resolution=resolution, alpha_low=low, alpha_high=span, beta_low=low, beta_high=span
        )

    def check(self) -> None:
        for side in ("alpha", "beta"):
            low, high = getattr(self, f"{side}_low"), getattr(self, f"{side}_high")
            if low >= high:
                raise SpecError(f"Grid.{side}_high", high, f"larger than {side}_low, {low:g}")

    def alpha(self) -> Floats:
        """The coordinates along the first axis, (resolution,)."""
        return np.linspace(self.alpha_low, self.alpha_high, self.resolution)

    def beta(self) -> Floats:
        """The coordinates along the second axis, (resolution,)."""
        return np.linspace(self.beta_low, self.beta_high, self.resolution)


def levels(grid: Grid, dimensions: int = 2) -> list[int]:
    """How many points are computed at each level of fineness; the last is all of them."""
    return [len(lines) ** dimensions for lines in lines_of(grid.resolution)]


def coarse(
    read: Probe, grid: Grid, level: int, attrs: Mapping[str, Any] | None = None
) -> xr.Dataset:
    """The slice with the points of one level computed and the rest interpolated."""
    lines = lines_of(grid.resolution)[level]
    sheet = Sheet.blank(read, grid)
    sheet.compute(mesh(lines, read.plane.dimensions))
    return sheet.dataset(sheet.interpolated(lines), attrs)


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
    sheet = Sheet.blank(read, grid).resumed(start)
    for _ in sheet.work(np.argwhere(~sheet.computed)):
        yield sheet.dataset(sheet.values, attrs)
    yield sheet.dataset(sheet.values, attrs)


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
    sheet = Sheet.blank(read, grid).resumed(start)
    every = lines_of(grid.resolution)
    if spread is not None:
        yield from _streamed(sheet, every[0], spread, attrs)
        return
    shown: Floats | None = None
    for lines in every:
        for _ in sheet.work(np.argwhere(sheet.on(lines) & ~sheet.computed)):
            if shown is not None:
                partly = np.where(sheet.computed, sheet.values, shown)
                yield sheet.dataset(partly, attrs)
        shown = sheet.interpolated(lines)
        yield sheet.dataset(np.where(sheet.computed, sheet.values, shown), attrs)


def _streamed(
    sheet: "Sheet", first: Lines, spread: Spread, attrs: Mapping[str, Any] | None
) -> Iterator[xr.Dataset]:
    """The slice as workers send it: the first lines before all others, but no waiting for them."""
    early, shown = sheet.on(first), None
    missing = [np.argwhere(part & ~sheet.computed) for part in (early, ~early)]
    for _ in sheet.work(np.concatenate(missing), spread):
        if shown is None and sheet.computed[early].all():
            shown = sheet.interpolated(first)
        if shown is not None:
            yield sheet.dataset(np.where(sheet.computed, sheet.values, shown), attrs)
    yield sheet.dataset(sheet.values, attrs)


@dataclass(eq=False)
class Sheet:
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
    def blank(cls, read: Probe, grid: Grid) -> "Sheet":
        """Nothing computed."""
        shape = (grid.resolution,) * read.plane.dimensions
        values = np.full((len(read.parts), sum(read.rows.values()), *shape), np.nan)
        together = read.together
        bite = _evened(_count(BITE, read.seconds, 16), together)
        return cls(read, grid, values, np.zeros(shape, dtype=bool), together, bite)

    def resumed(self, start: xr.Dataset | None) -> "Sheet":
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

    def on(self, lines: Lines) -> Mask:
        """Which points lie on crossings of grid lines."""
        chosen = np.zeros_like(self.computed)
        chosen[np.ix_(*[lines] * chosen.ndim)] = True
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
            if time.perf_counter() - told > NEWS and done < len(missing):
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

    def interpolated(self, lines: Lines) -> Floats:
        """All values, from those on grid lines."""
        size, dimensions = self.values.shape[-1], self.computed.ndim
        if len(lines) == size:
            return self.values.copy()
        shape = self.values.shape
        flat = self.values.reshape(-1, *shape[2:])
        where = np.ix_(*[lines] * dimensions)
        return np.stack([filled(part[where], lines, size) for part in flat]).reshape(shape)

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
    """About so many points, but a multiple of what is computed together."""
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


def mesh(lines: Lines, dimensions: int) -> Index:
    """The indices (K, D) of all crossings of grid lines."""
    sides = np.meshgrid(*[lines] * dimensions, indexing="ij")
    return np.stack([side.ravel() for side in sides], axis=1)


def named(
    read: Probe,
    grid: Grid,
    values: Floats,
    computed: Mask,
    attrs: Mapping[str, Any] | None = None,
    beside: Mapping[str, Any] | None = None,
) -> xr.Dataset:
    """The named, unchangeable form of values (S, R, ...), the mask of those computed, and more."""
    plane = read.plane
    dims = (schema.BETA, schema.ALPHA)[-plane.dimensions :]
    along = {schema.ALPHA: grid.alpha(), schema.BETA: grid.beta()}
    titles = dict(zip((schema.ALPHA, schema.BETA), _titles(plane), strict=False))
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
        {**table, **mask, **(beside or {})},
        {**split, **coords},
        {**_described(read, grid), **(attrs or {})},
    )


def frozen(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A copy that nobody can write to."""
    copied = values.copy()
    copied.flags.writeable = False
    return copied


def _described(read: Probe, grid: Grid) -> dict[str, Any]:
    plane = read.plane
    return {
        "engine_version": ENGINE_VERSION,
        "grid": canonical(to_plain(grid)),
        "names": list(plane.names),
        "explained": list(plane.explained or ()),
        "examples": [part.examples for part in read.parts.values()],
        "strategy": [name_of(type(strategy)) for strategy in read.used.values()],
        "batch_norm": next(iter(read.parts.values())).batch_norm,
        "dtype": str(plane.origin.dtype).removeprefix("torch."),
    }


def _titles(plane: Plane) -> tuple[str, ...]:
    """The names of the axes, with what each explains where that is known."""
    if plane.explained is None:
        return plane.names
    pairs = zip(plane.names, plane.explained, strict=False)
    return tuple(f"{name} ({share:.0%} of the motion)" for name, share in pairs)


def _count(wanted: float, seconds: float, otherwise: int) -> int:
    """How many points take so long, if what one takes is known."""
    return max(1, int(wanted / seconds)) if seconds > 0 else otherwise

"""The objective on a grid of a line or plane: coarse to fine, each value computed or interpolated."""

import functools
import hashlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr
from scipy.interpolate import make_interp_spline

from landscape_core.catalogue import entries
from landscape_core.errors import SpecError
from landscape_core.measures.base import Measure
from landscape_core.objective import ModelObjective
from landscape_core.planes import Plane
from landscape_core.recipes import ENGINE_VERSION, Knob, Recipe, content_key, name_of
from landscape_core.strategies.base import Reader, Strategy
from landscape_core.strategies.loop import Loop

Floats = npt.NDArray[np.float64]

NEWS = 0.1
"""Seconds between two news of a level that takes long."""

FEWEST = 12
"""Points along a side that a picture has at the least, if its grid has as many."""


@dataclass(frozen=True, kw_only=True)
class Grid(Recipe):
    """Which points of a line or plane: a rectangle, in multiples of the axes."""

    resolution: Annotated[int, Knob(2, 1001, "points along each side")] = 51
    alpha_low: Annotated[float, Knob(-1e9, 1e9, "left end")] = -1.0
    alpha_high: Annotated[float, Knob(-1e9, 1e9, "right end")] = 1.0
    beta_low: Annotated[float, Knob(-1e9, 1e9, "lower end")] = -1.0
    beta_high: Annotated[float, Knob(-1e9, 1e9, "upper end")] = 1.0

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


@dataclass(frozen=True, eq=False)
class Probe:
    """What is read at a point: measures on parts of the data, along one plane."""

    plane: Plane
    parts: Mapping[str, ModelObjective]
    measures: Mapping[str, Measure]
    readers: Mapping[str, Reader]
    strategies: Mapping[str, str]

    def __call__(self, coords: Floats) -> Floats:
        """The values at coordinates (K, D): (S, M, K) for S parts and M measures."""
        where = torch.from_numpy(coords).to(self.plane.origin)
        read = [reader(where).numpy(force=True) for reader in self.readers.values()]
        return np.stack(read).astype(np.float64)


def probe(
    parts: Mapping[str, ModelObjective], plane: Plane, measures: Mapping[str, Measure]
) -> Probe:
    """Prepare the reading of measures on parts of the data (`train`, `test`) along a plane."""
    chosen = {name: choose(part, plane) for name, part in parts.items()}
    readers = {
        name: chosen[name].reader(part, plane, list(measures.values()))
        for name, part in parts.items()
    }
    names = {name: name_of(type(strategy)) for name, strategy in chosen.items()}
    return Probe(plane, parts, measures, readers, names)


def choose(objective: ModelObjective, plane: Plane) -> Strategy:
    """The strategy for a network: the one made for its kind, or the loop."""
    for kind in entries(Strategy).values():
        if kind is not Loop and kind().applies(objective, plane):
            return kind()
    return Loop()


def levels(grid: Grid, dimensions: int = 2) -> list[int]:
    """How many points are computed at each level of fineness; the last is all of them."""
    return [len(lines) ** dimensions for lines in _lines(grid.resolution)]


def coarse(read: Probe, grid: Grid, level: int) -> xr.Dataset:
    """The slice with the points of one level computed and the rest interpolated."""
    lines = _lines(grid.resolution)[level]
    shape = (grid.resolution,) * read.plane.dimensions
    values = np.full((len(read.parts), len(read.measures), *shape), np.nan)
    computed = np.zeros(shape, dtype=bool)
    _fill(read, grid, values, computed, np.ix_(*[lines] * len(shape)))
    return _dataset(read, grid, _interpolated(values, lines), computed)


def sweep(
    read: Probe, grid: Grid, attrs: Mapping[str, Any] | None = None
) -> Iterator[xr.Dataset]:
    """The slice from coarse to fine; each dataset is complete, the last one wholly computed.

    Stop asking, and nothing more is computed.
    """
    shape = (grid.resolution,) * read.plane.dimensions
    values = np.full((len(read.parts), len(read.measures), *shape), np.nan)
    computed = np.zeros(shape, dtype=bool)
    shown: Floats = values
    told = time.monotonic()
    for lines in _lines(grid.resolution):
        wanted = np.zeros(shape, dtype=bool)
        wanted[np.ix_(*[lines] * len(shape))] = True
        missing = np.argwhere(wanted & ~computed)
        chunk = 256
        for start in range(0, len(missing), chunk):
            where = tuple(missing[start : start + chunk].T)
            _fill(read, grid, values, computed, where)
            if time.monotonic() - told > NEWS and start + chunk < len(missing) and shown is not values:
                told = time.monotonic()
                yield _dataset(read, grid, np.where(computed, values, shown), computed, attrs)
        shown = _interpolated(values, lines)
        told = time.monotonic()
        yield _dataset(read, grid, shown, computed, attrs)


def slice_key(read: Probe, grid: Grid) -> str:
    """The store's key of a slice: by content of weights, axes, data, measures and choices."""
    digest = hashlib.sha256()
    tensors = [read.plane.origin, read.plane.axes]
    for part in read.parts.values():
        tensors += [part.inputs, part.targets, *part.buffers.values()]
    for tensor in tensors:
        digest.update(repr((tensor.dtype, tuple(tensor.shape))).encode())
        digest.update(np.ascontiguousarray(tensor.numpy(force=True)).tobytes())
    words = [repr((part.module, part.loss_function, part.batch_norm)) for part in read.parts.values()]
    names = [*read.parts, *read.measures, *read.plane.names]
    return content_key("slice", digest.hexdigest(), *words, *names, grid)


def _fill(read: Probe, grid: Grid, values: Floats, computed: Any, where: Any) -> None:
    """Compute the values at an index of the grid, in place."""
    sides = [grid.beta(), grid.alpha()][-read.plane.dimensions :]
    index = np.broadcast_arrays(*where)
    coords = [side[i].ravel() for side, i in zip(sides, index, strict=True)]
    found = read(np.stack(coords[::-1], axis=1))
    values[(slice(None), slice(None), *where)] = found.reshape(*found.shape[:2], *index[0].shape)
    computed[where] = True


def _lines(resolution: int) -> list[npt.NDArray[np.int64]]:
    """The grid lines of each level, each among those of the next."""
    last = resolution - 1
    stride = 1
    while -(-last // (2 * stride)) + 1 > FEWEST:
        stride *= 2
    strides = [stride // 2**i for i in range(stride.bit_length())] if resolution > FEWEST else [1]
    return [np.unique(np.append(np.arange(0, last, stride), last)) for stride in strides]


@functools.lru_cache(maxsize=32)
def _spline(lines: tuple[int, ...], resolution: int) -> Floats:
    """The matrix (resolution, len(lines)) from values at some grid lines to all, cubic."""
    degree = min(3, len(lines) - 1)
    spline = make_interp_spline(np.array(lines, dtype=float), np.eye(len(lines)), k=degree)
    return np.asarray(spline(np.arange(resolution)))


def _interpolated(values: Floats, lines: npt.NDArray[np.int64]) -> Floats:
    """All values, bicubically from those on grid lines; what is not finite stays so, and only it."""
    resolution = values.shape[-1]
    if len(lines) == resolution:
        return values.copy()
    dimensions = values.ndim - 2
    index = (slice(None), slice(None), *np.ix_(*[lines] * dimensions))
    known = values[index]
    matrix = _spline(tuple(lines.tolist()), resolution)
    finite = np.isfinite(known)
    if finite.all():
        filled = _along(matrix, known, dimensions)
    else:
        nearest = np.abs(np.arange(resolution)[:, None] - lines).argmin(axis=1)
        pick = np.eye(len(lines))[nearest]
        filled = known[(slice(None), slice(None), *np.ix_(*[nearest] * dimensions))]
        del pick
    filled[index] = known
    return np.asarray(filled)


def _along(matrix: Floats, known: Floats, dimensions: int) -> Floats:
    out = known @ matrix.T
    return np.asarray(matrix @ out) if dimensions == 2 else out


def _dataset(
    read: Probe, grid: Grid, values: Floats, computed: Any, attrs: Mapping[str, Any] | None = None
) -> xr.Dataset:
    plane = read.plane
    dims = ("beta", "alpha")[-plane.dimensions :]
    axes = {"alpha": grid.alpha(), "beta": grid.beta()}
    coords = {
        name: (name, axes[name], {"long_name": plane.names[("alpha", "beta").index(name)], "units": "multiples of the axis"})
        for name in dims
    }
    table = {
        name: (("split", *dims), values[:, i].copy(), {"units": measure.unit})
        for i, (name, measure) in enumerate(read.measures.items())
    }
    described = {
        "engine_version": ENGINE_VERSION,
        "examples": [part.examples for part in read.parts.values()],
        "strategy": ",".join(read.strategies.values()),
        "batch_norm": next(iter(read.parts.values())).batch_norm,
        "explained": list(plane.explained or ()),
        **(attrs or {}),
    }
    return xr.Dataset(
        {**table, "computed": (dims, computed.copy())},
        {"split": list(read.parts), **coords},
        described,
    )

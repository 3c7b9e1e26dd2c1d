"""The objective on a grid of a line or plane: coarse to fine, each value computed or interpolated.

`probe` prepares what is read at a point; `sweep` and `coarse` read it over a grid. Long work is a
generator: whoever stops asking has cancelled it.
"""

import hashlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr

from landscape_core import schema
from landscape_core.catalogue import entries
from landscape_core.errors import SpecError
from landscape_core.interpolation import Floats, Lines, filled, lines_of
from landscape_core.losses.base import Loss
from landscape_core.measures.base import Measure
from landscape_core.objective import ModelObjective
from landscape_core.planes import Plane
from landscape_core.recipes import (
    ENGINE_VERSION,
    Knob,
    Recipe,
    canonical,
    content_key,
    name_of,
    to_plain,
)
from landscape_core.strategies.base import Reader, Strategy
from landscape_core.strategies.loop import Loop

NEWS = 0.08
"""Seconds between two news of a level that takes long."""

BITE = 0.04
"""Seconds of work between two looks at the clock."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Grid(Recipe):
    """Which points of a line or plane: a rectangle, in multiples of the axes."""

    resolution: Annotated[int, Knob(2, 1001, "points along each side")] = 51
    alpha_low: Annotated[float, Knob(-1e9, 1e9, "left end")] = -1.0
    alpha_high: Annotated[float, Knob(-1e9, 1e9, "right end")] = 1.0
    beta_low: Annotated[float, Knob(-1e9, 1e9, "lower end")] = -1.0
    beta_high: Annotated[float, Knob(-1e9, 1e9, "upper end")] = 1.0

    @classmethod
    def square(cls, span: float = 1.0, resolution: int = 51) -> "Grid":
        """The grid from -span to span along each axis."""
        if not span > 0:
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
    parts: Mapping[str, ModelObjective],
    plane: Plane,
    measures: Mapping[str, Measure],
    strategy: Strategy | None = None,
) -> Probe:
    """Prepare the reading of measures on parts of the data (`train`, `test`) along a plane.

    With a loss that is the user's own function, the loss is all that can be read. `strategy` is for
    comparisons; by default each part gets the best for its network.

    Raises:
        SpecError: no data, no loss among the measures, or a plane of another network.
    """
    if not parts:
        raise SpecError("parts", {}, "at least one objective, by the name of its split")
    if schema.LOSS not in measures:
        raise SpecError("measures", list(measures), "given with 'loss' among them")
    for part in parts.values():
        if part.layout.size != len(plane.origin):
            size = part.layout.size
            raise SpecError("the plane's parameters", len(plane.origin), f"the network's {size}")
    own = not all(isinstance(part.loss_function, Loss) for part in parts.values())
    read = {name: m for name, m in measures.items() if name == schema.LOSS or not own}
    chosen = {name: strategy or choose(part, plane) for name, part in parts.items()}
    readers = {
        name: chosen[name].reader(part, plane, list(read.values())) for name, part in parts.items()
    }
    names = {name: name_of(type(strategy)) for name, strategy in chosen.items()}
    return Probe(plane, parts, read, readers, names)


def choose(objective: ModelObjective, plane: Plane) -> Strategy:
    """The strategy for a network: the one made for its kind, or the loop."""
    for kind in entries(Strategy).values():
        if kind is not Loop and kind().applies(objective, plane):
            return kind()
    return Loop()


def levels(grid: Grid, dimensions: int = 2) -> list[int]:
    """How many points are computed at each level of fineness; the last is all of them."""
    return [len(lines) ** dimensions for lines in lines_of(grid.resolution)]


def coarse(
    read: Probe, grid: Grid, level: int, attrs: Mapping[str, Any] | None = None
) -> xr.Dataset:
    """The slice with the points of one level computed and the rest interpolated."""
    lines = lines_of(grid.resolution)[level]
    sheet = _Sheet.blank(read, grid)
    sheet.compute(_mesh(lines, read.plane.dimensions))
    return _dataset(read, grid, sheet.interpolated(lines), sheet.computed, attrs)


def sweep(read: Probe, grid: Grid, attrs: Mapping[str, Any] | None = None) -> Iterator[xr.Dataset]:
    """The slice from coarse to fine; each dataset is complete, the last one wholly computed.

    The first comes after about a hundred points, further ones with every level, and within a level
    about ten a second.
    """
    sheet = _Sheet.blank(read, grid)
    shown: Floats | None = None
    for lines in lines_of(grid.resolution):
        wanted = np.zeros_like(sheet.computed)
        wanted[np.ix_(*[lines] * wanted.ndim)] = True
        for _ in sheet.work(np.argwhere(wanted & ~sheet.computed)):
            if shown is not None:
                partly = np.where(sheet.computed, sheet.values, shown)
                yield _dataset(read, grid, partly, sheet.computed, attrs)
        shown = sheet.interpolated(lines)
        yield _dataset(read, grid, shown, sheet.computed, attrs)


def slice_key(read: Probe, grid: Grid) -> str:
    """The store's key of a slice: by content of weights, axes, data, measures and choices.

    Raises:
        SpecError: the loss is the user's own function, whose content is not known.
    """
    digest = hashlib.sha256()
    tensors = [read.plane.origin, read.plane.axes]
    words: list[Recipe | str] = [grid, *read.parts, *read.plane.names, repr(read.plane.explained)]
    for part in read.parts.values():
        if not isinstance(part.loss_function, Loss):
            name = getattr(part.loss_function, "__name__", repr(part.loss_function))
            raise SpecError("loss", name, "one of the catalogue, as a key is made from its recipe")
        fixed = [p for p in part.module.parameters() if not p.requires_grad]
        tensors += [part.inputs, part.targets, *part.buffers.values(), *fixed]
        words += [repr(part.module), part.loss_function, part.batch_norm]
    for tensor in tensors:
        digest.update(repr((tensor.dtype, tuple(tensor.shape))).encode())
        digest.update(np.ascontiguousarray(tensor.numpy(force=True)).tobytes())
    for name, measure in read.measures.items():
        words += [name, measure]
    return content_key("slice", digest.hexdigest(), *words)


@dataclass(frozen=True, eq=False)
class _Sheet:
    """The values (S, M, ...) so far, and which points are computed, (...); filled in place."""

    read: Probe
    sides: tuple[Floats, ...]
    values: Floats
    computed: Mask

    @classmethod
    def blank(cls, read: Probe, grid: Grid) -> "_Sheet":
        sides = (grid.beta(), grid.alpha())[-read.plane.dimensions :]
        shape = (grid.resolution,) * len(sides)
        values = np.full((len(read.parts), len(read.measures), *shape), np.nan)
        return cls(read, sides, values, np.zeros(shape, dtype=bool))

    def compute(self, index: npt.NDArray[np.int64]) -> None:
        """Compute the points at indices (K, D)."""
        where = tuple(index.T)
        coords = [side[i] for side, i in zip(self.sides, where, strict=True)]
        # Rows of the picture are beta, but alpha is the first coordinate.
        self.values[(slice(None), slice(None), *where)] = self.read(np.stack(coords[::-1], axis=1))
        self.computed[where] = True

    def work(self, missing: npt.NDArray[np.int64]) -> Iterator[None]:
        """Compute the points at indices (K, D), and pause whenever there is news to tell."""
        told = time.perf_counter()
        bite, start = 16, 0
        while start < len(missing):
            began = time.perf_counter()
            self.compute(missing[start : start + bite])
            now = time.perf_counter()
            start += bite
            bite = max(1, min(4 * bite, int(bite * BITE / max(now - began, 1e-6))))
            if now - told > NEWS and start < len(missing):
                yield
                told = time.perf_counter()

    def interpolated(self, lines: Lines) -> Floats:
        """All values, from those on grid lines."""
        size, dimensions = self.values.shape[-1], self.computed.ndim
        if len(lines) == size:
            return self.values.copy()
        shape = self.values.shape
        flat = self.values.reshape(-1, *shape[2:])
        where = np.ix_(*[lines] * dimensions)
        return np.stack([filled(part[where], lines, size) for part in flat]).reshape(shape)


def _mesh(lines: Lines, dimensions: int) -> npt.NDArray[np.int64]:
    """The indices (K, D) of all crossings of grid lines."""
    sides = np.meshgrid(*[lines] * dimensions, indexing="ij")
    return np.stack([side.ravel() for side in sides], axis=1)


def _dataset(
    read: Probe, grid: Grid, values: Floats, computed: Mask, attrs: Mapping[str, Any] | None = None
) -> xr.Dataset:
    """The named, unchangeable form of values (S, M, ...) and the mask of those computed."""
    plane = read.plane
    dims = (schema.BETA, schema.ALPHA)[-plane.dimensions :]
    along = {schema.ALPHA: grid.alpha(), schema.BETA: grid.beta()}
    titles = dict(zip((schema.ALPHA, schema.BETA), _titles(plane), strict=False))
    coords = {
        name: (name, along[name], {"long_name": titles[name], "units": schema.UNITS})
        for name in dims
    }
    table = {
        name: ((schema.SPLIT, *dims), _frozen(values[:, i]), {"units": measure.unit})
        for i, (name, measure) in enumerate(read.measures.items())
    }
    mask = {schema.COMPUTED: (dims, _frozen(computed), {"long_name": "computed, not interpolated"})}
    described = {
        "engine_version": ENGINE_VERSION,
        "grid": canonical(to_plain(grid)),
        "names": list(plane.names[: plane.dimensions]),
        "explained": list(plane.explained or ()),
        "examples": [part.examples for part in read.parts.values()],
        "strategy": list(read.strategies.values()),
        "batch_norm": next(iter(read.parts.values())).batch_norm,
        "dtype": str(plane.origin.dtype).removeprefix("torch."),
    }
    split = {schema.SPLIT: list(read.parts)}
    return xr.Dataset({**table, **mask}, {**split, **coords}, {**described, **(attrs or {})})


def _titles(plane: Plane) -> tuple[str, ...]:
    """The names of the axes, with what each explains where that is known."""
    if plane.explained is None:
        return plane.names
    pairs = zip(plane.names, plane.explained, strict=False)
    return tuple(f"{name} ({share:.0%} of the motion)" for name, share in pairs)


def _frozen(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A copy that nobody can write to."""
    copied = values.copy()
    copied.flags.writeable = False
    return copied

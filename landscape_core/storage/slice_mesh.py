"""A slice as a mesh of three dimensions: triangles over the plane, and the path as a line."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from landscape_core.foundation.errors import SpecError
from landscape_core.storage import schema
from landscape_core.storage.slice_paths import paths_on
from landscape_core.storage.tables import chosen_split, whole

Floats = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

SCALES = ("linear", "log")

RELIEF = 0.5
"""The range of the heights of a mesh, in lengths of its longer side."""


@dataclass(frozen=True, eq=False)
class Mesh:
    """Points (N, 3): alpha, beta (0 on a line), and the value or its logarithm times `factor`.

    `values` (N,) are those of the `variable`, finite all; `computed` (N,) whether they were
    computed; the last `on_path` points are those of the path. `triangles` (M, 3) are indices
    of points, counter-clockwise as seen from above; `lines` are indices of points in their order.
    """

    variable: str
    split: str
    scale: str
    factor: float
    points: Floats
    values: Floats
    computed: npt.NDArray[np.bool_]
    on_path: int
    triangles: Index
    lines: tuple[Index, ...]


def mesh_of(
    slice_: xr.Dataset,
    *,
    split: str | None = None,
    variable: str = schema.LOSS,
    scale: str = "linear",
    path_line: bool = True,
) -> Mesh:
    """The mesh of a slice, without points whose height is not finite; a line gives lines.

    The range of its heights is half its longer side. Points of paths lie at their own losses
    where these are known and the heights are the training loss, else on the surface; those outside
    of it are left out.

    Args:
        slice_: dims (split, beta, alpha) or (split, alpha).
        split: which part of the data; by default `train`, or the first one.
        variable: the heights.
        scale: `linear`, or `log` for the decimal logarithm; zero and less have none.
        path_line: whether the path, or that of each run, is part of the mesh.

    Raises:
        SpecError: an unknown split, variable or scale, or no point has a finite height.
        FileFormatError: the dataset is no slice.
    """
    found = whole(slice_)
    if scale not in SCALES:
        raise SpecError("scale", scale, "one of " + ", ".join(SCALES))
    known = [str(one) for one in found[schema.SPLIT].values]
    part = chosen_split(found, split or ("train" if "train" in known else known[0]))
    values = _values(found, variable, part)
    heights = _scaled(values, scale)
    mask = np.isfinite(heights)
    if not mask.any():
        raise SpecError("the dataset", f"{variable} without a finite height", "one with heights")
    sides = [found[str(dim)].values.astype(float) for dim in found[schema.COMPUTED].dims]
    factor = _factor(heights[mask], sides)
    own = variable == schema.LOSS and part == "train"
    runs = [
        _path(one, heights, sides, scale, own=own)
        for _, one in (paths_on(found) if path_line else [])
    ]
    path = np.concatenate([np.empty((0, 3)), *runs])
    kept = np.isfinite(path).all(axis=1)
    points = np.concatenate([_surface_points(heights, sides), path[kept]])
    numbers = np.where(mask, np.cumsum(mask).reshape(mask.shape) - 1, -1)
    on_path = np.where(kept, np.cumsum(kept) - 1 + int(mask.sum()), -1)
    of_path = path[kept, 2]
    ends = np.cumsum([len(one) for one in runs])
    of_runs = [line for part in np.split(on_path, ends) for line in _runs(part)]
    return Mesh(
        variable=variable,
        split=part,
        scale=scale,
        factor=factor,
        points=points * [1.0, 1.0, factor],
        values=np.concatenate([values[mask], 10.0**of_path if scale == "log" else of_path]),
        computed=np.concatenate([found[schema.COMPUTED].values[mask], np.zeros(kept.sum(), bool)]),
        on_path=int(kept.sum()),
        triangles=_triangles(numbers) if len(sides) > 1 else np.empty((0, 3), np.int64),
        lines=(*([] if len(sides) > 1 else _runs(numbers)), *of_runs),
    )


def _factor(heights: Floats, sides: Sequence[Floats]) -> float:
    """By what heights are multiplied for their range to be `RELIEF` of the longest side."""
    longest, extent = max(float(np.ptp(side)) for side in sides), float(np.ptp(heights))
    return RELIEF * longest / extent if extent and longest else 1.0


def _surface_points(heights: Floats, sides: Sequence[Floats]) -> Floats:
    """The points (N, 3) of those heights (beta, alpha) or (alpha,) that are no NaN, by rows."""
    mask = ~np.isnan(heights)
    *beta, alpha = (side[mask] for side in np.meshgrid(*sides, indexing="ij"))
    return np.stack([alpha, *(beta or [np.zeros(len(alpha))]), heights[mask]], axis=1)


def _values(slice_: xr.Dataset, variable: str, split: str) -> Floats:
    """The values (beta, alpha) or (alpha,) of a variable of the grid."""
    dims = tuple(map(str, slice_[schema.COMPUTED].dims))
    known = [
        str(name)
        for name, one in slice_.data_vars.items()
        if set(one.dims) - {schema.SPLIT} == set(dims) and one.dtype.kind in "fiu"
    ]
    if variable not in known:
        raise SpecError("variable", variable, f"one of {', '.join(known)}")
    column = slice_[variable]
    if schema.SPLIT in column.dims:
        column = column.sel({schema.SPLIT: split})
    return column.transpose(*dims).values.astype(np.float64)


def _scaled(values: Floats, scale: str) -> Floats:
    """Heights before they are multiplied; NaN for what has no finite one."""
    with np.errstate(divide="ignore", invalid="ignore"):
        heights = np.log10(values) if scale == "log" else values
    return np.where(np.isfinite(heights), heights, np.nan)


def _path(
    path: xr.Dataset, heights: Floats, sides: Sequence[Floats], scale: str, *, own: bool
) -> Floats:
    """The path (T, 3): its coordinates and heights, NaN where these are not known.

    `own`: at its own losses where it has some; else on the surface, bilinear between the points.
    """
    from scipy.interpolate import RegularGridInterpolator  # takes a third of a second to import

    names = ["path_alpha", "path_beta"][: len(sides)]
    if any(name not in path for name in names):
        return np.empty((0, 3))
    places = np.stack([path[name].values.astype(float) for name in names], axis=1)
    found = np.full(len(places), np.nan)
    if all(len(side) > 1 for side in sides):
        on_surface = RegularGridInterpolator(tuple(sides), heights, bounds_error=False)
        found = on_surface(places[:, ::-1])
    if own and "path_loss" in path:
        losses = _scaled(path["path_loss"].values.astype(float), scale)
        found = np.where(np.isfinite(losses), losses, found)
    beta = places[:, 1:] if len(names) > 1 else np.zeros((len(places), 1))
    return np.concatenate([places[:, :1], beta, found[:, None]], axis=1)


def _runs(numbers: Index) -> list[Index]:
    """The pieces of a list of indices between those that are -1, of two points at least."""
    there = np.flatnonzero(numbers >= 0)
    pieces = np.split(there, np.flatnonzero(np.diff(there) > 1) + 1)
    return [numbers[piece] for piece in pieces if len(piece) > 1]


def _triangles(numbers: Index) -> Index:
    """Two triangles a cell of a grid of indices (rows, columns), one where a corner is -1."""
    a, b = numbers[:-1, :-1], numbers[:-1, 1:]  # lower left, lower right
    d, c = numbers[1:, :-1], numbers[1:, 1:]  # upper left, upper right
    usual = (b >= 0) & (d >= 0)  # cut from lower right to upper left, else the other way
    first = np.where(usual, np.stack([a, b, d]), np.stack([a, b, c]))
    second = np.where(usual, np.stack([b, c, d]), np.stack([a, c, d]))
    every: Any = np.stack([first, second], axis=-1).reshape(3, -1).T
    return every[(every >= 0).all(axis=1)]

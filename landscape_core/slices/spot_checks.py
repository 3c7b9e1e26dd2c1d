"""Some points of a slice computed once more by the plain evaluation, and compared.

A fast strategy, a worker or a cached result is a guess about the user's code. A fault on a small
part of the plane can escape these points; what they say is how many were compared and how far the
farthest lay off, not that all are right.
"""

import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr

from landscape_core.foundation import random_streams
from landscape_core.slices.grid import Index
from landscape_core.slices.interpolation import Floats
from landscape_core.slices.probe import Probe
from landscape_core.slices.strategies.loop import Loop
from landscape_core.storage import schema

FEWEST, SHARE = 6, 200
"""At least this number of points is checked, and one of so many."""

NEAR = {torch.float64: 1e-10, torch.float32: 1e-5}
"""How far, relatively, a value may lie from the plain one; in other types a hundredth."""

ROUNDING = 4
"""How many times the plain evaluation's own rounding a value may lie off, where that is more."""


OTHERWISE = (
    "{} gives other numbers than the network and the loss as they are, at points computed once more"
    " as a check; all points are now computed the plain way."
)


@dataclass(frozen=True)
class Checked:
    """How many points were compared, the largest relative deviation, and whether all agree.

    The deviation is NaN where nothing was compared.
    """

    points: int = 0
    deviation: float = math.nan
    agree: bool = True


def spot_check(
    read: Probe, dataset: xr.Dataset, most: int | None = None, *, even_plain: bool = False
) -> Checked:
    """Compare some computed points of a slice with the plain evaluation in this process.

    The centre, two corners and others that are drawn, the same ones each time. The deviation is
    relative to the value or, where that is larger, to the median over the slice. Where the plain
    evaluation itself ran, nothing is checked.

    Args:
        read: what was read.
        dataset: the slice.
        most: points at most; by default one of 200 computed ones, but at least six.
        even_plain: also what the plain evaluation computes, as it was perhaps not the same one.
    """
    used = read.used
    fast = {n: p for n, p in read.parts.items() if even_plain or type(used[n]) is not Loop}
    index = _chosen(read, dataset, most)
    if not fast or not len(index):
        return Checked()
    some = read if len(fast) == len(used) else read.over(fast)  # a trial has its plain way ready
    found, scale = _values(some, dataset, index)
    coords = coords_of(dataset, index)
    return compared(some, coords, found, some.plainly()(coords), scale)


def compared(read: Probe, coords: Floats, found: Floats, plain: Floats, scale: Floats) -> Checked:
    """Compare values (S, R, K) at coordinates (K, D) with plain ones, by the sizes (S, R) of rows.

    Where they lie farther off than is near, the rounding of the plain evaluation counts.
    """
    apart = _apart(found, plain)
    near = NEAR.get(read.plane.origin.dtype, 1e-2)
    scale = np.maximum(np.abs(plain), scale[..., None])
    relative = np.divide(apart, scale, out=np.where(apart > 0, np.inf, 0.0), where=scale > 0)
    agree = (relative <= near) | _one_example(read, found, plain)
    if not agree.all():
        agree |= apart <= ROUNDING * _rounding(read, coords, plain)
    return Checked(len(coords), float(relative.max()), bool(agree.all()))


def _chosen(read: Probe, dataset: xr.Dataset, most: int | None) -> Index:
    """Indices (K, D) of the points that are checked."""
    computed = dataset.variables[schema.COMPUTED].values
    index = np.flatnonzero(computed)
    count = max(FEWEST, math.ceil(len(index) / SHARE)) if most is None else most
    named = torch.cat([read.plane.origin[:1000], read.plane.axes[:, :1000].flatten()])
    told = zlib.crc32(named.double().numpy(force=True).tobytes())
    ends = (_centre(computed.shape), 0, computed.size - 1)
    first = [at for at in ends if computed.flat[at]] if most is None else []
    stream = random_streams.stream(told, "spot checks")
    drawn = torch.randperm(len(index), generator=stream)[: count + len(first)].numpy()
    chosen = list(dict.fromkeys([*first, *index[drawn].tolist()]))[: min(count, len(index))]
    return np.stack(np.unravel_index(np.array(chosen, dtype=int), computed.shape), axis=1)


def _centre(shape: tuple[int, ...]) -> int:
    """The index of the middle of a grid, its points in one row."""
    found = 0
    for size in shape:
        found = found * size + size // 2
    return found


def coords_of(dataset: xr.Dataset, index: Index) -> Floats:
    """The coordinates (K, D), alpha first."""
    names = (schema.BETA, schema.ALPHA)[-index.shape[1] :]
    along = zip(names, index.T, strict=True)
    return np.stack([dataset.variables[name].values[i] for name, i in along][::-1], axis=1)


def _values(read: Probe, dataset: xr.Dataset, index: Index) -> tuple[Floats, Floats]:
    """The slice's values at some points, (S, R, K), and the median of their sizes, (S, R)."""
    where, computed = tuple(index.T), dataset.variables[schema.COMPUTED].values
    splits = dataset.variables[schema.SPLIT].values.tolist()
    at = [splits.index(name) for name in read.parts]
    rows, scales = [], []
    for values in _rows(read, dataset, at):
        rows.append(values[(slice(None), *where)])
        scales.append([_median_size(row[computed]) for row in values])
    return np.stack(rows, axis=1), np.stack(scales, axis=1)


def _median_size(values: Floats) -> float:
    """The median of the sizes of those that are finite; zero where none is."""
    known = np.abs(values[np.isfinite(values)])
    middle = len(known) // 2
    return float(np.partition(known, middle)[middle]) if len(known) else 0.0


def _rows(read: Probe, dataset: xr.Dataset, at: list[int]) -> Iterator[Floats]:
    """The values (S, ...) of each row."""
    for name in read.rows:
        values = dataset.variables[name].values[at]
        if read.measures[name].dimension:
            yield from (values[:, i] for i in range(values.shape[1]))
        else:
            yield values


def _apart(found: Floats, plain: Floats) -> Floats:
    """How far values lie apart; infinitely, where one alone is finite."""
    same = (found == plain) | (np.isnan(found) & np.isnan(plain))
    with np.errstate(invalid="ignore"):
        apart = np.abs(found - plain)
    return np.where(same, 0.0, np.where(np.isfinite(apart), apart, np.inf))


def _one_example(read: Probe, found: Floats, plain: Floats) -> npt.NDArray[np.bool_]:
    """Whether both are fractions of examples that differ by one, on whose answer rounding decides.

    The loss, in the first row, is none.
    """
    examples = np.array([part.examples for part in read.parts.values()])[:, None, None]
    counts = found * examples, plain * examples
    with np.errstate(invalid="ignore"):
        whole = [np.abs(count - np.round(count)) < 1e-2 for count in counts]
        near = np.abs(counts[0] - counts[1]) < 1.5
    near &= whole[0] & whole[1]
    near[:, 0] = False
    return near


def _rounding(read: Probe, coords: Floats, plain: Floats) -> Floats:
    """How far the plain values are off by rounding, (S, R, 1): the largest among the points."""
    if read.plane.origin.dtype == torch.float64:
        return np.zeros((*plain.shape[:2], 1))
    try:
        exact = read.in_double().plainly()(coords)
    except Exception:  # a network that computes in its own type alone
        return np.zeros((*plain.shape[:2], 1))
    apart = _apart(plain, exact)
    return np.where(np.isfinite(apart), apart, 0.0).max(axis=2, keepdims=True)

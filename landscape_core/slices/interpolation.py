"""From values on some lines of a grid to values on all of them.

Cubic splines with not-a-knot ends along each side, as `scipy.interpolate.RectBivariateSpline`; for
given lines they are a matrix, so that a whole picture takes two small matrix products.
"""

import functools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from landscape_core.slices.cubic_spline import spline_matrix

Floats = npt.NDArray[np.float64]
Lines = npt.NDArray[np.int64]

FIRST = 11
"""Lines along a side at the coarsest level, if the grid has as many."""


def lines_of(resolution: int, first: int = FIRST) -> list[Lines]:
    """The grid lines of each level, from coarse to fine, each among those of the next.

    `first` is how many lines along a side the coarsest level has, if the grid has as many.
    """
    last = resolution - 1
    if resolution <= first:
        return [np.arange(resolution)]
    found = [np.linspace(0, last, first).round().astype(np.int64)]
    while len(found[-1]) < resolution:
        lines = found[-1]
        found.append(np.union1d(lines, (lines[:-1] + lines[1:]) // 2))
    return found


def levels_of(shape: Sequence[int]) -> list[tuple[Lines, ...]]:
    """The grid lines along each side at each level; a side that is complete stays so."""
    sides = [lines_of(resolution) for resolution in shape]
    count = max(map(len, sides))
    return [tuple(side[min(level, len(side) - 1)] for side in sides) for level in range(count)]


def filled(known: Floats, lines: Lines, resolution: int) -> Floats:
    """As `filled_between`, with the same lines along each side."""
    return filled_between(known, [lines] * known.ndim, [resolution] * known.ndim)


def filled_between(known: Floats, lines: Sequence[Lines], shape: Sequence[int]) -> Floats:
    """All values (*shape) from those on grid lines, as many along each side, which are kept.

    Where some are not finite, or so uneven that a cubic would swing far below all of them, linear
    interpolation takes its place. A value that is not finite fills the cells nearest to it, and
    no other cell sees it.
    """
    if known.shape == tuple(shape):
        return known.copy()
    both = [_matrices(tuple(s.tolist()), n) for s, n in zip(lines, shape, strict=True)]
    cubic, linear = zip(*both, strict=True)
    if np.isfinite(known).all():
        smooth = _along(cubic, known)
        low, middle = known.min(), np.median(known)
        swings = smooth.min() < low - (middle - low)
        values = _along(linear, known) if swings else smooth
    else:
        values = _beside_gaps(linear, known, lines)
    values[np.ix_(*lines)] = known
    return values


def _beside_gaps(linear: Sequence[Floats], known: Floats, lines: Sequence[Lines]) -> Floats:
    """Linear interpolation between the finite values; next to another kind of value, that value."""
    finite = np.isfinite(known)
    nearest = [
        np.abs(np.arange(len(matrix))[:, None] - side).argmin(axis=1)
        for matrix, side in zip(linear, lines, strict=True)
    ]
    beside = known[np.ix_(*nearest)]
    total = _along(linear, np.where(finite, known, 0.0))
    weight = _along(linear, finite.astype(np.float64))
    # The nearest line weighs at least a half, so where it is finite the weight is positive.
    between = np.divide(total, weight, out=np.zeros_like(total), where=weight > 0)
    return np.where(np.isfinite(beside), between, beside)


@functools.lru_cache(maxsize=64)
def _matrices(lines: tuple[int, ...], resolution: int) -> tuple[Floats, Floats]:
    """The matrices (R, n) of cubic and of linear interpolation from some grid lines to all."""
    at, every = np.array(lines, dtype=np.float64), np.arange(resolution, dtype=np.float64)
    unit = np.eye(len(lines))
    cubic = spline_matrix(at, every)
    linear = np.stack([np.interp(every, at, column) for column in unit], axis=1)
    return cubic, linear


def _along(matrices: Sequence[Floats], known: Floats) -> Floats:
    """Each matrix applied along its side."""
    once = matrices[0] @ known
    return np.asarray(once @ matrices[1].T) if known.ndim == 2 else once

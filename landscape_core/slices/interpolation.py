"""From values on some lines of a grid to values on all of them.

Cubic splines with not-a-knot ends along each side, as `scipy.interpolate.RectBivariateSpline`; for
given lines they are a matrix, so that a whole picture takes two small matrix products.
"""

import functools

import numpy as np
import numpy.typing as npt

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


def filled(known: Floats, lines: Lines, resolution: int) -> Floats:
    """All values (R,) or (R, R) from those on grid lines, (n,) or (n, n), which are kept.

    Where some are not finite, or so uneven that a cubic would swing far below all of them, linear
    interpolation takes its place. A value that is not finite fills the cells nearest to it, and
    no other cell sees it.
    """
    if len(lines) == resolution:
        return known.copy()
    cubic, linear = _matrices(tuple(lines.tolist()), resolution)
    if np.isfinite(known).all():
        smooth = _along(cubic, known)
        low, middle = known.min(), np.median(known)
        swings = smooth.min() < low - (middle - low)
        values = _along(linear, known) if swings else smooth
    else:
        values = _beside_gaps(linear, known, lines, resolution)
    values[np.ix_(*[lines] * known.ndim)] = known
    return values


def _beside_gaps(linear: Floats, known: Floats, lines: Lines, resolution: int) -> Floats:
    """Linear interpolation between the finite values; next to another kind of value, that value."""
    finite = np.isfinite(known)
    nearest = np.abs(np.arange(resolution)[:, None] - lines).argmin(axis=1)
    beside = known[np.ix_(*[nearest] * known.ndim)]
    total = _along(linear, np.where(finite, known, 0.0))
    weight = _along(linear, finite.astype(np.float64))
    # The nearest line weighs at least a half, so where it is finite the weight is positive.
    between = np.divide(total, weight, out=np.zeros_like(total), where=weight > 0)
    return np.where(np.isfinite(beside), between, beside)


@functools.lru_cache(maxsize=64)
def _matrices(lines: tuple[int, ...], resolution: int) -> tuple[Floats, Floats]:
    """The matrices (R, n) of cubic and of linear interpolation from some grid lines to all."""
    from scipy.interpolate import make_interp_spline

    at, every = np.array(lines, dtype=np.float64), np.arange(resolution, dtype=np.float64)
    unit = np.eye(len(lines))
    cubic = np.asarray(make_interp_spline(at, unit, k=min(3, len(lines) - 1))(every))
    linear = np.stack([np.interp(every, at, column) for column in unit], axis=1)
    return cubic, linear


def _along(matrix: Floats, known: Floats) -> Floats:
    """A matrix applied along every side."""
    once = matrix @ known
    return np.asarray(once @ matrix.T) if known.ndim == 2 else once

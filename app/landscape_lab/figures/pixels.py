"""From the points of a slice to the pixels of a picture, and what of it goes to the browser."""

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from landscape_lab.figures import theme

Array = npt.NDArray[np.floating[Any]]
Bytes = npt.NDArray[np.uint8]

PIXELS = 150
"""About how many pixels along a side a picture is drawn with; at least one for each point."""

SHADES = 254
"""Colours between the lowest and the highest height; the two beyond stripe what is not finite."""

PALETTE = (
    *(theme.LANDSCAPE[round(i * (len(theme.LANDSCAPE) - 1) / (SHADES - 1))] for i in range(SHADES)),
    theme.NOT_FINITE_STRIPE,
    theme.NOT_FINITE,
)
"""The colour of each index that `shaded` gives."""


def raised(losses: Array, computed: npt.NDArray[np.bool_]) -> Array:
    """The losses, of which no interpolated one is below a quarter of the least computed one.

    A cubic between points may fall far below them, and below zero, where no loss is. Where one was
    computed below zero, all stay as they are.
    """
    known = losses[computed & np.isfinite(losses)]
    above = known[known > 0]
    if computed.all() or above.size == 0 or known.min() < 0:
        return losses
    return np.where(computed, losses, np.maximum(losses, above.min() / 4))


def finer(heights: Array) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Heights (N, M) at more and finer pixels, and which of those belong to no finite height.

    Cubic between the points of a slice without holes, linear otherwise; never beyond the heights
    themselves. A point is the middle of its pixel, so holes are as wide as a point's surroundings.
    """
    from scipy.ndimage import distance_transform_edt

    finite = np.isfinite(heights)
    rows, columns = (_times(n) for n in heights.shape)
    if finite.all():
        fine = _spline(heights.shape[0], 3) @ heights @ _spline(heights.shape[1], 3).T
        return np.clip(fine, heights.min(), heights.max()), np.zeros(fine.shape, bool)
    nearest = tuple(
        np.rint(np.arange((n - 1) * k + 1) / k).astype(int)
        for n, k in zip(heights.shape, (rows, columns), strict=True)
    )
    holes = ~finite[np.ix_(*nearest)]
    if not finite.any():
        return np.zeros(holes.shape), holes
    index = distance_transform_edt(~finite, return_distances=False, return_indices=True)
    filled = heights[tuple(index)]
    return _spline(heights.shape[0], 1) @ filled @ _spline(heights.shape[1], 1).T, holes


def shaded(fine: Array, holes: npt.NDArray[np.bool_], low: float, high: float) -> Bytes:
    """The colour index of each pixel: 0 low, `SHADES` - 1 high, holes in stripes."""
    share = (fine - low) * (SHADES / (high - low))
    shades = np.clip(share, 0, SHADES - 1).astype(np.uint8)
    if holes.any():
        row, column = np.nonzero(holes)
        shades[row, column] = SHADES + ((row + column) % 6 > 1)
    return shades


def box(x: Array, y: Array, shape: tuple[int, ...], prefix: str = "") -> dict[str, float]:
    """Where an image (rows, columns) lies whose outermost pixels are centred on the ends."""
    dx, dy = (x[-1] - x[0]) / (shape[1] - 1), (y[-1] - y[0]) / (shape[0] - 1)
    return {
        f"{prefix}x": float(x[0] - dx / 2),
        f"{prefix}y": float(y[0] - dy / 2),
        f"{prefix}width": float(x[-1] - x[0] + dx),
        f"{prefix}height": float(y[-1] - y[0] + dy),
    }


def narrow(values: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """The values in half the bytes; what is too large for that becomes infinite."""
    with np.errstate(over="ignore"):
        return values.astype(np.float32)


def same(old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Whether two tables of a source hold equal columns."""
    return old.keys() == new.keys() and all(_equal(old[name], new[name]) for name in new)


def _equal(one: Any, other: Any) -> bool:
    if _empty(one) and _empty(other):  # Bokeh keeps an empty array as a list
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        floating = one.dtype.kind == "f"
        return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=floating)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    return bool(one == other or (one != one and other != other))


def _empty(column: Any) -> bool:
    return isinstance(column, list | np.ndarray) and len(column) == 0


def _times(points: int) -> int:
    return max(1, round(PIXELS / (points - 1)))


@lru_cache(maxsize=32)
def _spline(points: int, degree: int) -> Array:
    """The matrix from values at this number of points to values at the pixels between them."""
    from scipy.interpolate import make_interp_spline

    spline = make_interp_spline(np.arange(points), np.eye(points), k=min(degree, points - 1))
    times = _times(points)
    return np.asarray(spline(np.arange((points - 1) * times + 1) / times))


def shared_limits(heights: Array) -> tuple[float, float]:
    """The least and the greatest finite height of all pictures; apart even if all are equal."""
    finite = heights[np.isfinite(heights)]
    if finite.size == 0:
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    half = 0.5 * max(1.0, abs(low))
    return (low, high) if high - low > 1e-9 * half else (low - half, high + half)

"""The cells of a lattice: their corners, their neighbours, and what a spline missed in them."""

import numpy as np

from landscape_core.slices.grid import Index, Mask
from landscape_core.slices.interpolation import Floats, Lines


def middles(cells: Index, lines: Lines) -> Index:
    """The points (K, D) in the middle of cells (K, D)."""
    return ((lines[:-1] + lines[1:]) // 2)[cells]


def border(cells: Index, lines: Lines) -> tuple[Index, Index]:
    """The middles (L, D) of those edges of cells (K, D) that lie on the border, and their cells.

    A line has none: its ends are on lattice lines.
    """
    found, tests = [cells[:0]], [cells[:0]]
    inside = middles(cells, lines)
    for axis in range(cells.shape[1] if cells.shape[1] > 1 else 0):
        for cell, line in ((0, lines[0]), (len(lines) - 2, lines[-1])):
            chosen = cells[:, axis] == cell
            found.append(cells[chosen])
            tests.append(np.where(np.arange(cells.shape[1]) == axis, line, inside[chosen]))
    return np.concatenate(found), np.concatenate(tests)


def corners(cells: Index, lines: Lines) -> Index:
    """The corners of the quarters of cells (K, D), as indices of points (3^D, K, D)."""
    low, high = lines[:-1], lines[1:]
    ends = np.stack([low, (low + high) // 2, high])
    dimensions = cells.shape[1]
    chosen = np.array(list(np.ndindex((3,) * dimensions)))
    return np.stack([ends[corner, cells] for corner in chosen])


def greatest_near(residuals: Floats) -> Floats:
    """The largest residual of each cell and its neighbours, across corners as well."""
    padded = np.pad(residuals, 1)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3,) * residuals.ndim)
    return np.asarray(windows.max(axis=tuple(range(-residuals.ndim, 0))))


def corrected(guess: Floats, truth: Floats, lines: Lines, active: Mask) -> Floats:
    """A guess, with half of what it missed in the middles of cells added on their edges.

    Where the error of a spline is the sum of one along each side, that is what it missed there.
    """
    if active.ndim == 1:
        return guess
    middles, wide = (lines[:-1] + lines[1:]) // 2, np.diff(lines) > 1
    tested = active & np.outer(wide, wide)
    rows, columns = np.ix_(middles, middles)
    with np.errstate(invalid="ignore"):
        apart = truth[..., rows, columns] - guess[..., rows, columns]
    missed = np.where(tested & np.isfinite(apart), apart, 0.0)
    found = guess.copy()
    found[..., lines[:, None], columns] += _between(missed, tested, axis=-2) * wide
    found[..., rows, lines] += _between(missed, tested, axis=-1) * wide[:, None]
    return found


def grown(mask: Mask, reach: int) -> Mask:
    """The mask with all points that lie within a reach of it."""
    for axis in range(mask.ndim):
        padded = np.pad(mask, [(reach, reach) if i == axis else (0, 0) for i in range(mask.ndim)])
        windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis=axis)
        mask = np.asarray(windows.any(axis=-1))
    return mask


def _between(missed: Floats, tested: Mask, *, axis: int) -> Floats:
    """Half the mean over the two neighbours of each edge that were tested; 0 without any."""
    pads = [(0, 0)] * missed.ndim
    pads[axis] = (1, 1)
    total, count = np.pad(missed, pads), np.pad(tested.astype(float), pads[-2:])

    def paired(values: Floats) -> Floats:
        size = values.shape[axis]
        first, second = np.arange(size - 1), np.arange(1, size)
        return np.take(values, first, axis) + np.take(values, second, axis)

    return 0.5 * paired(total) / np.maximum(paired(count), 1.0)

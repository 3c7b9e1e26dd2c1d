"""The camera of a surface plot, as the screen, files and links have it."""

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating[Any]]


class Camera(NamedTuple):
    """Azimuth and elevation in degrees, and the distance in half-widths of the surface."""

    azimuth: float
    elevation: float
    distance: float


HOME = Camera(-58.0, 24.0, 4.45)
"""Where a surface is seen from unless the user turns it; from there it fills its place."""

TALL = 0.85
"""How high the box of a surface is, where its sides are 2 long."""

HIGHEST = 46.0
"""The elevation from which a surface is seen at most unless the user turns it."""

SPARE = 4.0
"""Degrees by which the camera stands higher than a point that is just seen."""

BOUNDS = Camera(180.0, 86.0, 9.0), Camera(-180.0, 3.0, 1.8)
"""The largest and the smallest values."""


def usual(levels: Array, points: Array) -> Camera:
    """The camera that sees points of a surface: `HOME`, or above it if the surface hides them.

    Args:
        levels: (rows, columns) heights from 0 to 1; NaN where there is none.
        points: (K, 2) positions as fractions of the columns and of the rows; none outside counts.
    """
    inside = points[((points >= 0) & (points <= 1)).all(axis=1)]
    if inside.size == 0 or min(levels.shape) < 2:
        return HOME
    heights = TALL * np.where(np.isfinite(levels), np.clip(levels, 0, 1), 0.0)
    turn, far = math.radians(HOME.azimuth), np.linspace(0.04, 2.8, 70)
    way = np.array([math.cos(turn), math.sin(turn)]) / 2
    along = inside[:, None, :] + far[None, :, None] * way
    there = ((along >= 0) & (along <= 1)).all(axis=2)
    rise = np.where(there, _at(heights, along) - _at(heights, inside)[:, None], -np.inf) / far
    needed = math.degrees(math.atan(max(0.0, float(rise.max(initial=0.0))))) + SPARE
    elevation = float(round(min(max(HOME.elevation, needed), HIGHEST)))
    return Camera(HOME.azimuth, elevation, HOME.distance)


def words_of(camera: Camera) -> str:
    """A camera as `camera_of` takes it; empty for the usual one."""
    return "" if camera == HOME else ", ".join(f"{value:g}" for value in camera)


def _at(heights: Array, places: Array) -> Array:
    """The heights nearest to positions (..., 2), fractions of the columns and of the rows."""
    rows, columns = heights.shape
    column = np.rint(np.clip(places[..., 0], 0, 1) * (columns - 1)).astype(int)
    row = np.rint(np.clip(places[..., 1], 0, 1) * (rows - 1)).astype(int)
    return np.asarray(heights[row, column])


def camera_of(text: str) -> Camera | None:
    """The camera that a text names as three numbers, `-58, 24, 4.45`; None if it names none."""
    words = text.split(",")
    try:
        found = Camera(*map(float, words)) if len(words) == 3 else None
    except ValueError:
        return None
    if found is None or not all(map(math.isfinite, found)):
        return None
    high, low = BOUNDS
    inside = all(a <= b <= c for a, b, c in zip(low, found, high, strict=True))
    return found if inside else None

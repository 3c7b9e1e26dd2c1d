"""The camera of a surface plot, as the screen, files and links have it."""

import math
from typing import NamedTuple


class Camera(NamedTuple):
    """Azimuth and elevation in degrees, and the distance in half-widths of the surface."""

    azimuth: float
    elevation: float
    distance: float


HOME = Camera(-58.0, 24.0, 4.45)
"""Where a surface is seen from unless the user turns it; from there it fills its place."""

BOUNDS = Camera(180.0, 86.0, 9.0), Camera(-180.0, 3.0, 1.8)
"""The largest and the smallest values."""


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

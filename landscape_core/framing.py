"""Which part of a plane a picture shows: the path with a margin, and steady while it grows."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

MARGIN = 1.3
"""How much wider than the path a new frame is."""

SLACK = 3.0
"""A frame this many times wider than the path needs is given up."""

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Frame:
    """A rectangle in plane coordinates: its middle (D,) and its half-widths (D,)."""

    middle: Numbers
    half: Numbers

    def holds(self, coords: Numbers) -> bool:
        """Whether all coordinates (T, D) lie inside, and the frame is not far too wide."""
        inside = bool((np.abs(coords - self.middle) <= 0.96 * self.half).all())
        return inside and bool((self.half <= SLACK * _around(coords).half).all())


def framed(coords: Numbers, last: Frame | None) -> Frame:
    """The last frame while it serves, else a new one around coordinates (T, D)."""
    if last is not None and len(last.middle) == coords.shape[1] and last.holds(coords):
        return last
    return _around(coords)


def _around(coords: Numbers) -> Frame:
    """A frame around all coordinates; no side is narrower than a fifth of the widest."""
    low, high = coords.min(axis=0), coords.max(axis=0)
    half = (high - low) / 2
    least = max(0.2 * float(half.max()), 1e-6)
    return Frame((low + high) / 2, MARGIN * np.maximum(half, least))

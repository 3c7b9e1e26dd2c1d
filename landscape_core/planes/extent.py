"""Which part of a plane a picture shows: the path with a margin, and steady while it grows.

The edges are round numbers, so that the frame is a function of the path alone, whatever was
displayed before, and yet stays where it is while the path grows within it.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

MARGIN = 0.06
"""How far beyond the path a frame reaches at least, as a fraction of the path's extent."""

STEPS = 4
"""Distances between two possible edges that fit into the extent, or somewhat fewer."""

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Frame:
    """A rectangle in plane coordinates: its middle (D,) and its half-widths (D,)."""

    middle: Numbers
    half: Numbers


def framed(coords: Numbers) -> Frame:
    """The frame around coordinates (T, D); no side is taken narrower than a fifth of the widest."""
    low, high = coords.min(axis=0), coords.max(axis=0)
    least = max(0.2 * float((high - low).max()), 2e-6)
    short = np.maximum(least - (high - low), 0.0) / 2
    edges = np.array([_snapped(*ends) for ends in zip(low - short, high + short, strict=True)])
    return Frame(edges.mean(axis=1), np.diff(edges, axis=1)[:, 0] / 2)


def _snapped(low: float, high: float) -> tuple[float, float]:
    """The ends with their margin, moved outwards to multiples of a unit.

    The unit is a power of the square root of two, a quarter of the extent or somewhat more.
    """
    extent = high - low
    unit = 2 ** (math.ceil(2 * math.log2(extent / STEPS)) / 2)
    first = math.floor((low - MARGIN * extent) / unit)
    last = math.ceil((high + MARGIN * extent) / unit)
    return first * unit, last * unit

"""Heights as whole numbers of 8 or 16 bits in a range that all pictures of a run share.

The finite heights of the range [low, high] take the codes 0 to 2^bits − 2 in equal steps; the last
code, 2^bits − 1, is that of a height which is not finite. Rounding to the nearest code is wrong by
at most half a step: `error_of(bits)` of the range.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from landscape_core.foundation.errors import SpecError

Array = npt.NDArray[np.floating[Any]]
Codes = npt.NDArray[np.unsignedinteger[Any]]

TYPES: dict[int, str] = {8: "<u1", 16: "<u2"}
"""How codes of so many bits are stored: the lower byte first."""


def error_of(bits: int) -> float:
    """The largest rounding error, relative to the range."""
    return 0.5 / (2**bits - 2)


def quantized(heights: Array, low: float, high: float, bits: int) -> Codes:
    """The codes of heights, of the same shape.

    Raises:
        SpecError: neither 8 nor 16 bits, or finite heights outside the range.
    """
    if bits not in TYPES:
        raise SpecError("bits", bits, "8 or 16")
    finite = np.isfinite(heights)
    inside = heights[finite]
    if inside.size and not (low <= inside.min() and inside.max() <= high):
        found = f"heights from {inside.min():g} to {inside.max():g}"
        raise SpecError("heights", found, f"between {low:g} and {high:g}")
    top, extent = 2**bits - 2, high - low or 1.0
    codes = np.full(heights.shape, top + 1, TYPES[bits])
    codes[finite] = np.rint((inside.astype(np.float64) - low) / extent * top)
    return codes


def heights_of(codes: Codes, low: float, high: float, bits: int) -> Array:
    """The heights of codes, of the same shape; NaN where they were not finite."""
    top = 2**bits - 2
    heights = low + codes.astype(np.float64) / top * (high - low or 1.0)
    return np.where(codes > top, np.nan, heights)

"""A loss that differs by no more than rounding: the picture shows the noise of the arithmetic.

The rounding of a small cross-entropy is that of the logits it is computed from, larger than that of
the loss itself. Therefore a loss that varies little and jumps from point to point is noise, too.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from landscape_core.analysis.findings.base import STILL, Finding, OfSlice, Seen

LITTLE, ROUGH, SIDE = 1000.0, 0.1, 11
"""The range of the loss, as a multiple of rounding, up to which it varies little; the standard
deviation from point to point, as a fraction of the range, from which it is noise; and the smallest
number of points along an axis for which that is judged."""

GAUSSIAN = 1.652
"""The median of |x - 2 y + z| of independent normal numbers, in standard deviations."""


@dataclass(frozen=True, kw_only=True)
class Flat(OfSlice):
    """The extent is too small: the loss differs by no more than rounding of its type."""

    label: ClassVar[str] = "flat"
    waits: ClassVar[bool] = True
    formula: ClassVar[str] = (
        "max f − min f ≤ r = max(16 ε, checked deviation) · max |f|; or max f − min f ≤ 1000 r and"
        " the standard deviation from point to point is a tenth of the range or more"
    )
    remedy: ClassVar[str] = "Take a larger span, or compute in float64 (dtype=torch.float64)."

    def in_slice(self, seen: Seen) -> Finding | None:
        noise = _noise(seen)
        rough = noise >= ROUGH * seen.extent and seen.extent <= LITTLE * seen.rounding
        if seen.values.size < 2 or (seen.moves and not rough):
            return None
        moved = seen.displacement()
        still = seen.extent == 0 if moved is None else moved >= STILL
        if still and not seen.moves:
            return None  # then it is the loss that does not move
        kind = str(seen.slice_.attrs.get("dtype", "float64"))
        told = (
            f"and jumps by about {noise:.2g} from point to point, as rounding in {kind} does"
            if seen.moves
            else f"no more than rounding in {kind} ({seen.rounding:.2g})"
        )
        return self.finding(
            f"The loss differs by {seen.extent:.2g} over the picture, {told}: the extent is too"
            " small, and what is seen is noise.",
            range=seen.extent,
            rounding=seen.rounding,
            noise=noise if seen.moves else None,
        )


def _noise(seen: Seen) -> float:
    """The standard deviation from point to point, if the loss is noise; 0 where this is unknown."""
    loss = np.where(seen.finite, seen.loss, np.nan)
    bends = [np.abs(np.diff(loss, 2, axis=axis)).ravel() for axis in range(loss.ndim)]
    known = [bend[np.isfinite(bend)] for bend in bends]
    if min(loss.shape) < SIDE or min(one.size for one in known) < SIDE - 2:
        return 0.0
    return min(float(np.median(one)) for one in known) / GAUSSIAN

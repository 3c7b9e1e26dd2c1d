"""Iterates whose projections lie beyond the edges of the picture."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from landscape_core.analysis.findings.base import Finding, OfSlice, Seen


@dataclass(frozen=True, kw_only=True)
class PathOutside(OfSlice):
    """A part of the trajectory lies outside the picture."""

    label: ClassVar[str] = "path outside the picture"
    formula: ClassVar[str] = "an iterate's projection lies beyond the ends of an axis"
    remedy: ClassVar[str] = (
        "Take a larger span, or the plane of the path by PCA, whose extent shows the path."
    )

    def in_slice(self, seen: Seen) -> Finding | None:
        path = seen.path()
        outside = np.zeros(len(path), dtype=bool)
        for side, coords in zip(seen.sides, path.T, strict=True):
            axis = seen.slice_[side].values
            slack = 1e-6 * float(np.ptp(axis))
            outside |= (coords < axis.min() - slack) | (coords > axis.max() + slack)
        count, total = int(outside.sum()), len(outside)
        if not count:
            return None
        return self.finding(
            f"{count} of the {total} iterates of the path lie outside the picture.",
            outside=count,
            iterates=total,
        )

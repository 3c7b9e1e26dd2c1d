"""Iterates whose projections lie beyond the edges of the picture."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from landscape_core.analysis.findings.base import PATH, Finding, OfSlice, Seen


@dataclass(frozen=True, kw_only=True)
class PathOutside(OfSlice):
    """A part of the trajectory lies outside the picture."""

    label: ClassVar[str] = "path outside the picture"
    formula: ClassVar[str] = "an iterate's projection lies beyond the ends of an axis"
    remedy: ClassVar[str] = (
        "Take a larger span, or the plane of the path by PCA, whose extent shows the path."
    )

    def in_slice(self, seen: Seen) -> Finding | None:
        outside: np.ndarray | bool = False
        for name in PATH:
            side = name.removeprefix("path_")
            if name in seen.slice_ and side in seen.sides:
                coords, axis = seen.slice_[name].values, seen.slice_[side].values
                slack = 1e-6 * float(np.ptp(axis))
                outside = outside | (coords < axis.min() - slack) | (coords > axis.max() + slack)
        count, total = int(np.sum(outside)), np.size(outside)
        if not count:
            return None
        return self.finding(
            f"{count} of the {total} iterates of the path lie outside the picture.",
            outside=count,
            iterates=total,
        )

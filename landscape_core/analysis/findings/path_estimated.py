"""A trajectory whose coordinates are estimates from random projections of its states."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from landscape_core.analysis.findings.base import Finding, Floats, Level, OfSlice, Seen

PROJECTION = "path_projection"
"""The attribute of slices with such a path: how many numbers of each state are known."""


@dataclass(frozen=True, kw_only=True)
class PathEstimated(OfSlice):
    """The coordinates of the trajectory are estimates, whose standard errors are stated."""

    label: ClassVar[str] = "path estimated"
    level: ClassVar[Level] = "note"
    formula: ClassVar[str] = "the path comes from random projections of its states"
    remedy: ClassVar[str] = (
        "Record with a larger projection=: standard errors shrink like its square root. Or record"
        " whole states (projection=None) where memory and disk allow it."
    )

    def in_slice(self, seen: Seen) -> Finding | None:
        """The estimates of all runs, at the axis along which they are least sure."""
        numbers = np.ravel(seen.slice_.attrs.get(PROJECTION, ()))
        errors = [f"path_{side}_standard_error" for side in seen.sides]
        known = numbers.size and numbers.dtype.kind in "iuf"
        if not known or not all(name in seen.slice_ for name in errors):
            return None
        largest = np.array([_largest(seen.slice_[name].values) for name in errors])
        covered = np.array([_covered(one) for one in seen.path().T])
        worst = int((largest / np.maximum(covered, 1e-300)).argmax())
        return self.finding(
            f"The coordinates of the path are estimates from {int(numbers.min())} random"
            f" projections of each state, which tell nothing of its losses. Along"
            f" {seen.sides[worst]} it covers {covered[worst]:.2g} with standard errors of up to"
            f" {largest[worst]:.2g}; differences between states close to each other are surer.",
            projections=float(numbers.min()),
            covered=covered[worst],
            standard_error=largest[worst],
        )


def _largest(errors: Floats) -> float:
    return float(errors[np.isfinite(errors)].max(initial=0.0))


def _covered(coords: Floats) -> float:
    known = coords[np.isfinite(coords)]
    return float(np.ptp(known)) if known.size else 0.0

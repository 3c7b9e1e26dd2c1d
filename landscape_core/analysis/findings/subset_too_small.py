"""Differences of the loss that are within the standard error of the sample they are a mean over."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from landscape_core.analysis.findings.base import Finding, Floats, Level, OfSlice, Seen
from landscape_core.analysis.slice_error import Z
from landscape_core.storage import schema


@dataclass(frozen=True, kw_only=True)
class SubsetTooSmall(OfSlice):
    """The loss varies by no more than the sampling error of its mean over examples or draws."""

    label: ClassVar[str] = "subset too small"
    level: ClassVar[Level] = "note"
    waits: ClassVar[bool] = True
    formula: ClassVar[str] = "max f − min f ≤ 1.96 · median of the standard errors that are stated"
    remedy: ClassVar[str] = (
        "Evaluate more examples (max_examples) or draws (draws), or take a larger span."
    )

    def in_slice(self, seen: Seen) -> Finding | None:
        errors = _errors(seen)
        errors = errors[np.isfinite(errors)]
        error = float(np.median(errors)) if errors.size else 0.0
        if seen.values.size < 2 or not 0 < seen.extent <= Z * error:
            return None
        draws = int(seen.slice_.attrs.get("draws", 0)) > 1
        what = "random draws" if draws else "examples"
        return self.finding(
            f"The loss varies by {seen.extent:.2g} over the picture, within {Z} standard errors of"
            f" its mean over the {what} ({error:.2g} each): another sample may have another shape."
            f" As the same {what} are used at every point, differences may be surer than that.",
            range=seen.extent,
            standard_error=error,
        )


def _errors(seen: Seen) -> Floats:
    """The standard errors that the slice states, (K,); none, one, or one for each point."""
    if schema.STANDARD_ERROR in seen.slice_:
        stated = seen.slice_[schema.STANDARD_ERROR]
        if schema.SPLIT in stated.dims:
            stated = stated.sel({schema.SPLIT: seen.split})
        found: Floats = stated.values[seen.finite].astype(np.float64)
        return found
    return np.array([float(seen.slice_.attrs.get("standard_error", 0.0))])

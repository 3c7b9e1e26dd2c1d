"""A loss that differs by no more than rounding: the picture shows the noise of the arithmetic."""

from dataclasses import dataclass
from typing import ClassVar

from landscape_core.analysis.findings.base import STILL, Finding, OfSlice, Seen


@dataclass(frozen=True, kw_only=True)
class Flat(OfSlice):
    """The extent is too small: the loss differs by no more than rounding of its type."""

    label: ClassVar[str] = "flat"
    formula: ClassVar[str] = "max f − min f ≤ max(16 ε, checked deviation) · max |f|"
    remedy: ClassVar[str] = "Take a larger span, or compute in float64 (dtype=torch.float64)."

    def in_slice(self, seen: Seen) -> Finding | None:
        if seen.values.size < 2 or seen.moves:
            return None
        moved = seen.displacement()
        if (moved is None and seen.extent == 0) or (moved is not None and moved >= STILL):
            return None  # then it is the loss that does not move
        kind = str(seen.slice_.attrs.get("dtype", "float64"))
        return self.finding(
            f"The loss differs by {seen.extent:.2g} over the picture, no more than rounding in"
            f" {kind} ({seen.rounding:.2g}): the extent is too small, and what is seen is noise.",
            range=seen.extent,
            rounding=seen.rounding,
        )

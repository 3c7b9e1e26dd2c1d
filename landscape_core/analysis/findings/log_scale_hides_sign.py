"""Losses that are zero or negative, which a logarithmic scale leaves out."""

from dataclasses import dataclass
from typing import ClassVar

from landscape_core.analysis.findings.base import Finding, Level, OfSlice, Seen, share


@dataclass(frozen=True, kw_only=True)
class LogScaleHidesSign(OfSlice):
    """Some losses are zero or negative: a logarithmic scale cannot show them."""

    label: ClassVar[str] = "log scale hides sign"
    formula: ClassVar[str] = "min f ≤ 0"
    level: ClassVar[Level] = "note"
    remedy: ClassVar[str] = (
        "Draw the loss on a linear scale, or add a constant to the loss that makes it positive."
    )

    def in_slice(self, seen: Seen) -> Finding | None:
        hidden = seen.values[seen.values <= 0]
        if not hidden.size:
            return None
        return self.finding(
            f"{hidden.size} of {seen.values.size} losses ({share(hidden.size / seen.values.size)})"
            f" are zero or negative, the lowest {hidden.min():.3g}: a logarithmic scale cannot"
            " show them.",
            fraction=hidden.size / seen.values.size,
            lowest=hidden.min(),
        )

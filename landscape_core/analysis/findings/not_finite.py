"""Points at which the loss is NaN or infinite."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from landscape_core.analysis.findings.base import Finding, OfSlice, Seen, share


@dataclass(frozen=True, kw_only=True)
class NotFinite(OfSlice):
    """The loss is NaN or infinite at some points."""

    label: ClassVar[str] = "not finite beyond a radius"
    formula: ClassVar[str] = "NaN or infinity at a computed point"
    remedy: ClassVar[str] = (
        "Take a smaller span, compute in float64 (dtype=torch.float64), or use a loss that does"
        " not overflow, as cross-entropy of logits."
    )

    def in_slice(self, seen: Seen) -> Finding | None:
        broken = seen.computed & ~np.isfinite(seen.loss)
        if not broken.any():
            return None
        radii = np.sqrt(sum(grid**2 for grid in seen.grids()))
        radius = float(radii[broken].min())
        fraction = float(broken.sum() / seen.computed.sum())
        inside = seen.computed & (radii >= radius)
        beyond = float(broken.sum() / inside.sum())
        where = f"from a radius of {radius:.3g} on" if radius > 0 else "at the centre already"
        return self.finding(
            f"The loss is not finite at {share(fraction)} of the computed points, {where} (in"
            f" multiples of the axes; {share(beyond)} of the points at that distance or more).",
            radius=radius,
            fraction=fraction,
            fraction_beyond=beyond,
        )

"""A loss that is constant on the whole picture, or along one axis, although parameters change."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from landscape_core.analysis.findings.base import STILL, Finding, OfSlice, Seen


@dataclass(frozen=True, kw_only=True)
class DoesNotMove(OfSlice):
    """The loss is constant over the picture or along one axis, although the parameters change."""

    label: ClassVar[str] = "does not move"
    waits: ClassVar[bool] = True
    formula: ClassVar[str] = (
        "max f − min f ≤ rounding, of all points or of every line along one axis, although an axis"
        " changes the parameters by a tenth of their norm or more"
    )
    remedy: ClassVar[str] = (
        "Look for dead units, saturated outputs and parameters that are frozen or have no effect"
        " on the loss (`landscape diagnose`, the argument layers), and check that the loss is that"
        " of this network."
    )

    def in_slice(self, seen: Seen) -> Finding | None:
        if seen.values.size < 2:
            return None
        return self._whole(seen) if not seen.moves else self._axis(seen)

    def _whole(self, seen: Seen) -> Finding | None:
        moved = seen.displacement()
        if (moved is None and seen.extent > 0) or (moved is not None and moved < STILL):
            return None  # then the picture is flat
        told = f" by {moved:.2g} times their norm" if moved is not None else ""
        return self.finding(
            f"The loss is {seen.values[0]:.4g} at all {seen.values.size} computed points, to"
            f" rounding, although the parameters change{told}.",
            loss=seen.values[0],
            range=seen.extent,
            displacement=moved,
        )

    def _axis(self, seen: Seen) -> Finding | None:
        """Of a plane whose loss changes along the other axis alone."""
        loss = np.where(seen.finite, seen.loss, np.nan)
        for at, side in enumerate(seen.sides if loss.ndim == 2 else ()):
            lines = np.moveaxis(loss, at, 0)
            lines = lines[:, np.isfinite(lines).sum(axis=0) > 1]
            if lines.shape[1] < 2:
                continue
            largest = float((np.nanmax(lines, axis=0) - np.nanmin(lines, axis=0)).max())
            if largest <= seen.rounding:
                return self.finding(
                    f"The loss does not change along {side} (by at most {largest:.2g}, which is"
                    f" rounding), while it changes by {seen.extent:.2g} over the picture: the axis"
                    " moves no parameter that the loss depends on, or is too short.",
                    range_along_axis=largest,
                    range=seen.extent,
                )
        return None

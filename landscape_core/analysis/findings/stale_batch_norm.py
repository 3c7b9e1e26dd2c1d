"""Batch-norm statistics that do not belong to the weights they are used with."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import ClassVar

import numpy as np

from landscape_core.analysis.findings.base import Detector, Finding, Seen

LEAST = 0.1
"""The relative difference of the losses at the centre from which statistics count as stale."""


@dataclass(frozen=True, kw_only=True)
class StaleBatchNorm(Detector):
    """Running batch-norm statistics are used with weights that they do not belong to."""

    label: ClassVar[str] = "stale batch norm"
    formula: ClassVar[str] = (
        'batch_norm is "running" on a plane through several states; or, of two slices of one plane'
        " that differ in batch_norm, the losses at the centre differ by 10 %"
    )
    remedy: ClassVar[str] = (
        'Compute the slice with batch_norm="reestimated"; through several states, give these as'
        ' modules or state dictionaries and take batch_norm="interpolated"; or update the'
        " statistics first (torch.optim.swa_utils.update_bn)."
    )

    def detect(self, slices: Sequence[Sequence[Seen]]) -> Iterator[Finding]:
        for parts in slices:
            attrs = parts[0].slice_.attrs
            states = int(attrs.get("plane_states", 1))
            if attrs.get("batch_norm") == "running" and states > 1:
                yield self.finding(
                    f"The plane goes through {states} states, and all points use the batch-norm"
                    " statistics of the centre: at the other states the loss is not that of these"
                    " networks.",
                    parts[0].name,
                    states=states,
                )
        for one, other in combinations(slices, 2):
            found = self._at_centre(one, other)
            if found is not None:
                yield found

    def _at_centre(self, one: Sequence[Seen], other: Sequence[Seen]) -> Finding | None:
        """Of two slices of one plane with other statistics, what differs at the centre."""
        a, b = one[0], other[0]
        modes = [seen.slice_.attrs.get("batch_norm", "none") for seen in (a, b)]
        first, second = _at(a), _at(b)
        if first is None or second is None or modes[0] == modes[1] or _setting(a) != _setting(b):
            return None
        if abs(first - second) <= LEAST * max(abs(first), abs(second)):
            return None
        return self.finding(
            f"At the centre the loss is {first:.3g} with batch-norm statistics {modes[0]!r} and"
            f" {second:.3g} with {modes[1]!r}: the stored statistics do not fit the weights.",
            f"{a.name}, {b.name}",
            first=first,
            second=second,
        )


def _at(seen: Seen) -> float | None:
    """The loss at the centre, if that is a point of the grid, computed and finite."""
    at = seen.centre()
    if at is None or "plane_digest" not in seen.slice_.attrs or not seen.finite[at]:
        return None
    exact = all(abs(grid[at]) <= 1e-6 * np.abs(grid).max() for grid in seen.grids())
    return float(seen.loss[at]) if exact else None


def _setting(seen: Seen) -> tuple[str, ...]:
    """What has to be the same for losses at the centre to be comparable."""
    attrs = seen.slice_.attrs
    return (seen.split, *(str(attrs.get(name)) for name in ("plane_digest", "examples", "dtype")))

"""The bowl that a random plane through almost any trained network shows.

A minimum in many dimensions has a few directions of large and many of small curvature.
The expected curvature along a random direction is their mean, the trace of the Hessian over the
number of parameters, so negative curvature is hidden, and random planes look alike (Böttcher and
Wheeler, 2024, Visualizing high-dimensional loss landscapes with Hessian directions).
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from landscape_core.analysis.findings.base import Finding, Level, OfSlice, Seen

RINGS = 5
"""Square rings around the centre over which the mean loss has to rise."""

NEAR = 0.01
"""By how much of the range the centre may lie above the lowest point."""


@dataclass(frozen=True, kw_only=True)
class RandomBowl(OfSlice):
    """A random plane whose centre is the minimum on all sides: the usual bowl of a trained net."""

    label: ClassVar[str] = "random plane of a converged network"
    waits: ClassVar[bool] = True
    formula: ClassVar[str] = (
        "random directions; the centre lies within 1 % of the range of the lowest loss, below all"
        " points of the edge, and the mean loss of square rings around it rises outwards"
    )
    level: ClassVar[Level] = "note"
    remedy: ClassVar[str] = (
        'For structure take the plane of the path (directions="pca"), of the leading Hessian'
        ' eigenvectors (directions="hessian") or between minima (Plane.through), and several seeds'
        " of random planes (`landscape planes`)."
    )

    def in_slice(self, seen: Seen) -> Finding | None:
        centre = seen.centre()
        if seen.directions.get("kind") != "random" or centre is None or not seen.finite[centre]:
            return None
        here, low = float(seen.loss[centre]), float(seen.values.min())
        reach = [np.abs(grid) / np.abs(grid).max() for grid in seen.grids()]
        count = min(RINGS, min(seen.loss.shape) // 2)
        ring = np.ceil(np.max(reach, axis=0) * count - 1e-9).astype(int)
        rings = [seen.loss[(ring == k) & seen.finite] for k in range(1, count + 1)]
        if not seen.moves or not all(one.size for one in rings):
            return None
        edges = seen.finite & (np.max(reach, axis=0) > 1 - 1e-9)
        edge = float(seen.loss[edges].min(initial=np.inf))
        rising = bool((np.diff([here, *(one.mean() for one in rings)]) > 0).all())
        if here - low > NEAR * seen.extent or edge <= here or not rising:
            return None
        return self.finding(
            f"The directions are random, and the loss rises on all sides of the centre, from"
            f" {here:.3g} to at least {edge:.3g} at the edge: almost every trained network shows"
            " this bowl, so it tells little of this one.",
            centre=here,
            lowest_of_edge=edge,
        )

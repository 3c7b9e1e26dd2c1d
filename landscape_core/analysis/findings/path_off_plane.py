"""A trajectory that happens mostly outside the plane, so that its projection says little of it."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import xarray as xr

from landscape_core.analysis.findings.base import (
    Finding,
    Floats,
    OfSlice,
    Seen,
    share,
)

OFF, EXPLAINED = 0.5, 0.5
"""Distance from the plane as a fraction of the distance covered within it, and explained variance,
beyond and below which a projected path misleads."""

ROUNDING = 1e-5
"""The distance from the plane that rounding causes, as a fraction of the norm of the parameters."""

MOVES = 2
"""States of a path of which a motion can be seen or missed."""

ALONE = (
    'Look at this run alone, on the plane of its own path (directions="pca"), or at fewer or more'
    " similar runs, and do not read losses off the surface under the path."
)
"""What helps where the plane has to show several runs."""

ESTIMATED = (
    "Of random projections no plane of the path is known; take one through checkpoints"
    " (Plane.through), or record whole states, and do not read losses off the surface under the"
    " path."
)
"""What helps where the path is known by random projections alone."""

UNIT = ("pca", "hessian")
"""Directions whose axes have length 1."""


@dataclass(frozen=True, kw_only=True)
class PathOffPlane(OfSlice):
    """The trajectory lies mostly off the plane: the picture shows little of its motion."""

    label: ClassVar[str] = "path off the plane"
    formula: ClassVar[str] = (
        "largest distance from the plane > half of the distance covered within it, or explained"
        " variance of both axes < 50 %"
    )
    remedy: ClassVar[str] = (
        'Take the plane of the path by PCA (directions="pca"), of its last part if the first one'
        " dominates (PCA(last=0.5)), and do not read losses off the surface under the path."
    )

    def in_slice(self, seen: Seen) -> Finding | None:
        found = [
            one for run, path in seen.paths if (one := self._of_run(seen, run, path)) is not None
        ]
        farthest = max(found, key=lambda one: one.figures["distance"], default=None)
        if farthest is None or "path_projection" not in seen.slice_.attrs:
            return farthest
        return replace(farthest, remedy=ESTIMATED)

    def _of_run(self, seen: Seen, run: str, path: xr.Dataset) -> Finding | None:
        """What is found in the path of one run."""
        if "path_distance" not in path or path.sizes["step"] < MOVES:
            return None
        distance = path["path_distance"].values
        off = float(distance[np.isfinite(distance)].max(initial=0.0))
        covered, explained = _covered(seen, path), _explained(seen.slice_, run)
        plane = seen.plane()
        norm = float(np.linalg.norm(plane[0])) if plane is not None else 0.0
        if off <= ROUNDING * norm:  # in the plane, perhaps all of them at one place
            return None
        far = covered is not None and off > OFF * covered
        if not far and not (explained is not None and explained < EXPLAINED):
            return None
        told = [f"lies up to {off:.2g} off the plane"]
        if covered is not None:
            told.append(f"covers {covered:.2g} within it")
        if explained is not None:
            told.append(f"has {share(explained)} of its variance along the axes")
        named = f"The path of {run}" if run else "The path"
        found = self.finding(
            f"{named} {', '.join(told[:-1])} and {told[-1]}: much of its motion is not seen."
            if len(told) > 1
            else f"{named} {told[0]}.",
            distance=off,
            covered=covered,
            explained_variance=explained,
        )
        return replace(found, remedy=ALONE) if run else found


def _covered(seen: Seen, path: xr.Dataset) -> float | None:
    """The largest distance from the first iterate within the plane; None if lengths are unknown."""
    coords = seen.coords(path)[:, ::-1]
    coords = coords[np.isfinite(coords).all(axis=1)]
    plane = seen.plane()
    if plane is not None and len(plane[1]) == coords.shape[1]:
        gram: Floats = plane[1] @ plane[1].T
    elif seen.directions.get("kind") in UNIT or seen.directions.get("length") == "unit":
        gram = np.eye(coords.shape[1])
    else:
        return None
    if not len(coords):
        return None
    steps = coords - coords[0]
    squares = np.einsum("td,de,te->t", steps, gram, steps)
    return float(np.sqrt(max(float(squares.max()), 0.0)))


def _explained(slice_: xr.Dataset, run: str) -> float | None:
    """The fraction of a run's variance along all axes; None where it is not stated."""
    name = "run_explained_variance_ratio" if run else "explained_variance_ratio"
    if name not in slice_:
        return None
    ratio = slice_[name].sel(run=run) if run else slice_[name]
    total = float(ratio.values.sum())
    return total if np.isfinite(total) else None

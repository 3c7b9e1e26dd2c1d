"""A trajectory projected onto a plane, and the rectangle of the plane that shows it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from landscape_core.foundation.types import Vectors
from landscape_core.planes.extent import Numbers, framed
from landscape_core.planes.plane import Plane

ESCAPE = 100.0
"""An iterate is far away where its distance from the start is more than so many times the start's
norm, 1, and the distances of the first iterates."""

FIRST = 3
"""Iterates that are never far away: as many as the principal components of a plane need."""


@dataclass(frozen=True, eq=False)
class ProjectedPath:
    """A plane, the rectangle of it that is shown, and the iterates' projections.

    `low` and `high` (D,) are the ends of the axes in plane coordinates; `coords` (T, D) the
    projections, `distance` (T,) how far each iterate lies off the plane, `relative_distance` (T,)
    the same divided by the largest distance of any iterate from the start.
    """

    plane: Plane
    low: Numbers
    high: Numbers
    coords: Numbers
    distance: Numbers
    relative_distance: Numbers

    def columns(self) -> Mapping[str, Numbers]:
        """The projections by the name of the axis, alpha and for a plane beta, (T,) each."""
        return dict(zip(("alpha", "beta"), self.coords.T, strict=False))


def project(  # noqa: PLR0913 - each choice by its name
    plane: Plane,
    thetas: Vectors,
    *,
    span: float = 1.0,
    ends: tuple[float, float, float, float] | None = None,
    near: int | None = None,
    others: Sequence[Tensor] = (),
    given: bool = False,
) -> ProjectedPath:
    """Project iterates (T, P) onto a plane and choose the rectangle that is shown.

    A plane that the trajectory determines (one with an explained variance ratio, as of PCA) gets
    the first iterate's projection as its origin, unless the plane was given, and its rectangle
    shows the trajectory; any other reaches from -span to span around its origin.

    Args:
        plane: where the iterates are projected to.
        thetas: the iterates.
        span: the half-width in units of the axes, or of the extent that shows the trajectory.
        ends: the ends of alpha and beta in plane coordinates, in place of the span.
        near: how many of the iterates the rectangle is to show; all by default.
        others: iterates of other runs, (T', P) each, which it is to show as well.
        given: whether the plane has its own origin, which stays.
    """
    middle, half = np.zeros(plane.dimensions), np.ones(plane.dimensions)
    if plane.explained_variance_ratio is not None:
        plane = plane if given else plane.at(plane.points(plane.coords(thetas[:1]))[0])
        shown = torch.cat([thetas[:near], *(other.to(thetas) for other in others)])
        frame = framed(plane.coords(shown).numpy(force=True))
        middle, half = frame.middle, frame.half
    low, high = middle - span * half, middle + span * half
    if ends is not None:
        low, high = (np.array(ends[side::2], dtype=float)[: plane.dimensions] for side in (0, 1))
    distance = plane.distance(thetas)
    moved = (thetas - thetas[0]).double().norm(dim=1).max().clamp(min=1e-300)
    return ProjectedPath(
        plane,
        low,
        high,
        plane.coords(thetas).numpy(force=True),
        distance.numpy(force=True),
        (distance / moved).numpy(force=True),
    )


def placed(whole: ProjectedPath, thetas: Vectors) -> ProjectedPath:
    """Other iterates (T, P) on the plane and in the rectangle of a path that is known."""
    low, high = whole.low, whole.high
    found = project(whole.plane, thetas, given=True)
    return replace(found, low=low, high=high)


def before_escape(thetas: Vectors) -> int:
    """How many iterates (T, P) precede the first that is far away; at least `FIRST`, or all."""
    distance = (thetas - thetas[0]).double().norm(dim=1)
    usual = max(float(thetas[0].double().norm()), 1.0, float(distance[:FIRST].max()))
    far = distance > ESCAPE * usual
    return int(far.int().argmax()) if bool(far.any()) else len(distance)

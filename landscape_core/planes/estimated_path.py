"""Where states lie on a plane, estimated from random projections of them.

With d = theta - origin = A c + r, r orthogonal to the axes A (P, D), the projections y = R d are
R A c + R r, and the entries of R r are independent of R A and normal with variance |r|^2 / K. So c
is estimated by ordinary least squares: without bias, with the covariance
|r|^2 / (K - D - 1) (A^T A)^-1, and (estimate - c) / (standard error) has Student's distribution
with K - D degrees of freedom. The residual sum of squares is |r|^2 / K times chi^2_{K-D}.
"""

from dataclasses import dataclass

import numpy as np
import torch

from landscape_core.planes.plane import Plane
from landscape_core.storage.random_projection import Numbers, RandomProjection


@dataclass(frozen=True, eq=False)
class Estimates:
    """Coordinates (T, D), their standard errors (T, D), and the distance from the plane (T,)."""

    coords: Numbers
    errors: Numbers
    distance: Numbers


def estimated(plane: Plane, rows: Numbers, projection: RandomProjection) -> Estimates:
    """Estimate where states lie, of which the projections (T, K) are known.

    The plane must not depend on the projections.
    """
    images = projection.of_vectors(torch.cat([plane.origin[None], plane.axes]))
    lengths = np.linalg.norm(images[1:], axis=1)
    unit = (images[1:] / lengths[:, None]).T
    offsets = (rows - images[0]).T
    found = np.linalg.lstsq(unit, offsets, rcond=None)[0]
    free = projection.components - plane.dimensions
    residual = np.square(offsets - unit @ found).sum(axis=0)
    inverse = np.diag(np.linalg.inv(unit.T @ unit))
    return Estimates(
        (found / lengths[:, None]).T,
        np.sqrt(np.outer(residual / free, inverse)) / lengths,
        np.sqrt(residual * projection.components / free),
    )

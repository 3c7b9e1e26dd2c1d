"""The vector field that training follows, over a plane.

At each point of a grid −F, with F the gradient of the loss, or in a game the players' own gradients
(∇x f, −∇y f); and of it what lies in the plane, the least-squares projection on the two axes. A
field that turns around a point has no function of which it is the gradient: Mescheder, Nowozin and
Geiger, 2017, The Numerics of GANs.
"""

import time
from collections.abc import Iterator

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float
from torch import Tensor

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.types import Vectors
from landscape_core.models.network_objective import ModelObjective
from landscape_core.planes.plane import Plane
from landscape_core.slices.grid import Grid
from landscape_core.slices.point_statistics import at_coord
from landscape_core.storage.schema import ALPHA, BETA

UPDATE_INTERVAL = 0.25
"""Seconds between two datasets."""

MEANINGS = {
    "alpha_rate": "how fast alpha changes along −F",
    "beta_rate": "how fast beta changes along −F",
    "length": "length of F, with all its parameters",
    "share": "fraction of the squared length that lies in the plane",
}


@public_call
def field(objective: ModelObjective, plane: Plane, grid: Grid) -> Iterator[xr.Dataset]:
    """The field over a plane as it fills, row by row; the last dataset is complete.

    Variables on (beta, alpha): `alpha_rate` and `beta_rate`, the coordinates of −F on the axes of
    the plane, for each unit of time or of η; `length`, ‖F‖; and `share`, how much of ‖F‖² lies in
    the plane, NaN where F is zero. Points not done yet, or where the loss or F is not finite, are
    NaN.

    Raises:
        SpecError: a line, or a plane of another network.
    """
    size = objective.layout.size
    if size != len(plane.origin):
        raise SpecError("the plane's parameters", len(plane.origin), f"the network's {size}")
    if plane.dimensions != 2:
        raise SpecError("the plane's axes", plane.dimensions, "2, as arrows need a plane")
    alpha, beta = grid.alpha(), grid.beta()
    found = {name: np.full((len(beta), len(alpha)), np.nan) for name in MEANINGS}
    told = time.monotonic()
    for row, height in enumerate(beta):
        for column, way in enumerate(alpha):
            coord = torch.tensor([way, height], dtype=torch.float64)
            (point,) = plane.points(coord[None])
            loss, gradient = at_coord(objective, plane, coord).value_and_gradient(point)
            if bool(loss.isfinite()) and bool(gradient.isfinite().all()):
                for name, value in _read(plane, -gradient[None]).items():
                    found[name][row, column] = float(value)
        if time.monotonic() - told > UPDATE_INTERVAL:
            yield _field(found, plane, alpha, beta)
            told = time.monotonic()
    yield _field(found, plane, alpha, beta)


def _read(plane: Plane, motions: Vectors) -> dict[str, Float[Tensor, " K"]]:
    """The values of the field −F at K points."""
    through = plane.at(torch.zeros_like(plane.origin))  # coordinates of vectors, not of points
    rates, off = through.coords(motions), through.distance(motions)
    length = motions.double().norm(dim=1)
    share = (1 - (off / length).square()).clamp(min=0)  # 0 / 0 is NaN, and stays
    return {
        "alpha_rate": rates[:, 0], "beta_rate": rates[:, 1], "length": length, "share": share
    }  # fmt: skip


def _field(
    found: dict[str, np.ndarray], plane: Plane, alpha: np.ndarray, beta: np.ndarray
) -> xr.Dataset:
    columns = {
        name: ((BETA, ALPHA), values.copy(), {"long_name": MEANINGS[name]})
        for name, values in found.items()
    }
    sides = {ALPHA: alpha, BETA: beta}
    named = dict(zip(sides, plane.names, strict=True))
    coords = {side: (side, values, {"long_name": named[side]}) for side, values in sides.items()}
    return xr.Dataset(columns, coords)

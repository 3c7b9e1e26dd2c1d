"""How convex the landscape is at each point of a slice: Li et al., 2018, section 6 and figure 7.

At every point of the grid the extreme eigenvalues of the full Hessian, not of the picture; their
ratio |lambda_min / lambda_max| says how much of what looks convex is not.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated

import numpy as np
import torch
import xarray as xr

from landscape_core.curvature.eigenpairs import Eigenpairs, eigenpairs
from landscape_core.curvature.matrices.base import Matrix
from landscape_core.curvature.matrices.hessian import Hessian
from landscape_core.curvature.spot_check import SpotChecks
from landscape_core.curvature.streamed_curvature import StreamedCurvature
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.recipes import Knob, Note, Recipe, canonical, to_plain
from landscape_core.foundation.types import Vector
from landscape_core.models.additivity import stated
from landscape_core.models.network_objective import ModelObjective
from landscape_core.planes.plane import Plane
from landscape_core.slices.grid import Grid
from landscape_core.slices.grid_values import axis_titles
from landscape_core.slices.point_statistics import at_coord
from landscape_core.storage.schema import ALPHA, BETA, SCHEMA_VERSION

UPDATE_INTERVAL = 0.25
"""Seconds between two datasets."""


@dataclass(frozen=True, kw_only=True)
class Convexity(Recipe):
    """How the extreme eigenvalues are found at each point."""

    matrix: Annotated[Matrix, Note("curvature matrix")] = field(default_factory=Hessian)
    tolerance: Annotated[
        float,
        Knob(1e-10, 0.5, "residual tolerance of an eigenpair, relative to its eigenvalue", "log"),
    ] = 0.01
    max_examples: Annotated[int, Knob(1, 100_000_000, "examples that are used, at most", "log")] = (
        500
    )
    most: Annotated[
        int, Knob(10, 100_000, "products at each end of the spectrum, at most", "log")
    ] = 400


@public_call
def compute_convexity(
    objective: ModelObjective,
    plane: Plane,
    grid: Grid,
    asked: Convexity | None = None,
    *,
    streamed: StreamedCurvature | None = None,
) -> Iterator[xr.Dataset]:
    """The map of the curvature over a plane or line as it fills; the last dataset is complete.

    Variables on (beta, alpha): `lambda_max`, `lambda_min`, their residual norms, and `ratio`,
    |min(lambda_min, 0) / lambda_max|: 0 where the full Hessian is nowhere negative. Points not
    done yet, where the loss is not finite or where an eigenvalue did not converge, are NaN. Over
    data that are `streamed`, the objective is that of their first batch.

    Raises:
        SpecError: a plane of another network, or a network of one parameter.
    """
    asked = asked or Convexity()
    size = objective.layout.size
    if size != len(plane.origin):
        raise SpecError("the plane's parameters", len(plane.origin), f"the network's {size}")
    if size < 2:
        raise SpecError(
            "the network's parameters", size, "at least 2, for a largest and a smallest"
        )
    part = objective.first(asked.max_examples)
    said = stated(part, of=objective.examples) if streamed is None else {}
    checks = streamed or SpotChecks(asked.matrix)
    sides = {BETA: grid.beta(), ALPHA: grid.alpha()} if plane.dimensions == 2 else {
        ALPHA: grid.alpha()
    }  # fmt: skip
    shape = tuple(len(side) for side in sides.values())
    names = ("lambda_max", "lambda_min", "residual_max", "residual_min")
    found = {name: np.full(shape, np.nan) for name in names}
    start, told = None, time.monotonic()
    for place in np.ndindex(*shape):
        where = [side[i] for side, i in zip(sides.values(), place, strict=True)][::-1]
        coord = torch.tensor(where, dtype=torch.float64)
        point = plane.points(coord[None])[0]
        pairs = _extremes(at_coord(part, plane, coord), point, asked, start, checks)
        if pairs is not None:
            if bool(pairs.values.isfinite().all()):
                start = pairs.vectors.sum(dim=0)  # a neighbour's eigenvectors are nearly these
            for index, end in enumerate(("max", "min")):
                found[f"lambda_{end}"][place] = float(pairs.values[index])
                found[f"residual_{end}"][place] = float(pairs.residuals[index])
        if time.monotonic() - told > UPDATE_INTERVAL:
            yield _map(found, sides, plane, asked).assign_attrs(said, **checks.attrs)
            told = time.monotonic()
    yield _map(found, sides, plane, asked).assign_attrs(said, **checks.attrs)


def _extremes(
    part: ModelObjective,
    point: Vector,
    asked: Convexity,
    start: Vector | None,
    checks: SpotChecks | StreamedCurvature,
) -> Eigenpairs | None:
    """The pairs of the largest and the smallest eigenvalue; None where something is not finite."""
    if isinstance(checks, StreamedCurvature):
        value = checks.loss_at(part, point)
    else:
        value = float(part.losses(point[None])[0])
    if not math.isfinite(value):
        return None
    operator = checks.operator(part, point)
    try:
        return eigenpairs(
            operator,
            1,
            1,
            tolerance=asked.tolerance,
            most=asked.most,
            start=start,
        )
    except SpecError:  # the curvature is not finite, though the loss is
        return None


def _map(
    found: dict[str, np.ndarray], sides: dict[str, np.ndarray], plane: Plane, asked: Convexity
) -> xr.Dataset:
    columns = {name: (tuple(sides), values.copy()) for name, values in found.items()}
    named = dict(zip((ALPHA, BETA), axis_titles(plane), strict=False))
    coords = {side: (side, values, {"long_name": named[side]}) for side, values in sides.items()}
    attrs = {
        "convexity": canonical(to_plain(asked)),
        "names": list(plane.names),
        "dtype": str(plane.origin.dtype).removeprefix("torch."),
        "schema_version": SCHEMA_VERSION,
    }
    dataset = xr.Dataset(columns, coords, attrs)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = abs(dataset["lambda_min"] / dataset["lambda_max"])
    ratio = ratio.where(~(dataset["lambda_min"] >= 0), dataset["lambda_max"] * 0)
    ratio.attrs = {"long_name": "|λ min / λ max|, 0 where the Hessian is nowhere negative"}
    return dataset.assign(ratio=ratio)

"""How convex the landscape is at each point of a slice: Li et al., 2018, section 6 and figure 7.

At every point of the grid the extreme eigenvalues of the full Hessian, not of the picture; their
ratio |lambda_min / lambda_max| says how much of what looks convex is not.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated

import numpy as np
import torch
import xarray as xr

from landscape_core.curvature.eigenpairs import eigenpairs
from landscape_core.errors import SpecError
from landscape_core.matrices.base import Matrix
from landscape_core.matrices.hessian import Hessian
from landscape_core.objective import ModelObjective
from landscape_core.planes import Plane
from landscape_core.recipes import Knob, Note, Recipe, canonical, to_plain
from landscape_core.schema import ALPHA, BETA
from landscape_core.slices import Grid


@dataclass(frozen=True, kw_only=True)
class Convexity(Recipe):
    """How the extreme eigenvalues are found at each point."""

    matrix: Annotated[Matrix, Note("which matrix of second order")] = field(default_factory=Hessian)
    tolerance: Annotated[
        float, Knob(1e-10, 0.5, "residual of an eigenpair, relative to its eigenvalue", "log")
    ] = 0.01
    examples: Annotated[int, Knob(1, 100_000_000, "examples that are used, at most", "log")] = 500
    most: Annotated[
        int, Knob(10, 100_000, "products at each end of the spectrum, at most", "log")
    ] = 400


def convexity(
    objective: ModelObjective, plane: Plane, grid: Grid, asked: Convexity | None = None
) -> Iterator[xr.Dataset]:
    """The map of the curvature over a plane or line, row by row; the last dataset is complete.

    Variables on (beta, alpha): `lambda_max`, `lambda_min`, their residual norms, and `ratio`,
    |min(lambda_min, 0)| / lambda_max: 0 where the full Hessian is nowhere negative. Points not
    done yet, where the loss is not finite or where an eigenvalue did not converge, are NaN.

    Raises:
        SpecError: a plane of another network.
    """
    asked = asked or Convexity()
    if objective.layout.size != len(plane.origin):
        size = objective.layout.size
        raise SpecError("the plane's parameters", len(plane.origin), f"the network's {size}")
    part = objective.first(asked.examples)
    sides = {BETA: grid.beta(), ALPHA: grid.alpha()} if plane.dimensions == 2 else {
        ALPHA: grid.alpha()
    }  # fmt: skip
    shape = tuple(len(side) for side in sides.values())
    names = ("lambda_max", "lambda_min", "residual_max", "residual_min")
    found = {name: np.full(shape, np.nan) for name in names}
    start = None
    for place in np.ndindex(*shape):
        where = [side[i] for side, i in zip(sides.values(), place, strict=True)][::-1]
        point = plane.points(torch.tensor([where], dtype=torch.float64))[0]
        try:
            pairs = eigenpairs(
                asked.matrix.at(part, point),
                1,
                1,
                tolerance=asked.tolerance,
                most=asked.most,
                start=start,
            )
        except SpecError:  # the loss is not finite here
            continue
        if bool(pairs.values.isfinite().all()):
            start = pairs.vectors.sum(dim=0)  # a neighbour's eigenvectors are nearly these
        for index, end in enumerate(("max", "min")):
            found[f"lambda_{end}"][place] = float(pairs.values[index])
            found[f"residual_{end}"][place] = float(pairs.residuals[index])
        if place[-1] == shape[-1] - 1:
            yield _map(found, sides, plane, asked)


def _map(
    found: dict[str, np.ndarray], sides: dict[str, np.ndarray], plane: Plane, asked: Convexity
) -> xr.Dataset:
    columns = {name: (tuple(sides), values.copy()) for name, values in found.items()}
    dataset = xr.Dataset(columns, dict(sides), {"convexity": canonical(to_plain(asked))})
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = -dataset["lambda_min"].clip(max=0) / dataset["lambda_max"]
    ratio.attrs = {"long_name": "|λ min / λ max|, 0 where the Hessian is nowhere negative"}
    for name, side in zip((ALPHA, BETA), plane.names, strict=False):
        dataset[name].attrs["long_name"] = side
    return dataset.assign(ratio=ratio)

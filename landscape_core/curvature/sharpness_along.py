"""The largest Hessian eigenvalue at iterates of a recorded run.

For progressive sharpening and the edge of stability: Cohen, Kaur, Li, Kolter, Talwalkar, 2021,
Gradient Descent on Neural Networks Typically Occurs at the Edge of Stability, arXiv:2103.00065.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from landscape_core.curvature.eigenpairs import eigenpairs
from landscape_core.curvature.matrices.hessian import Hessian
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.public_call import public_call
from landscape_core.models.network_objective import ModelObjective
from landscape_core.storage.schema import SCHEMA_VERSION


@public_call
def sharpness_along(
    objective: ModelObjective,
    states: Mapping[int, tuple[Tensor, Mapping[str, Tensor]]],
    *,
    tolerance: float = 0.01,
) -> Iterator[xr.Dataset]:
    """Yield `eigenvalue` and `residual` (step), one step more each time; NaN where not finite.

    Each search starts from the eigenvector before.

    Args:
        objective: the training objective, on the examples that count.
        states: parameters (P,) and buffers of the iterates, by their step, in order.
        tolerance: the residual norm at which an eigenvalue is done, relative to it.
    """
    last: Tensor | None = None
    found: list[tuple[int, float, float]] = []
    for step, (theta, buffers) in states.items():
        there = objective.with_buffers(dict(buffers))
        try:
            pairs = eigenpairs(Hessian().at(there, theta), 1, tolerance=tolerance, start=last)
            found.append((step, float(pairs.values[0]), float(pairs.residuals[0])))
            last = pairs.vectors[0] if bool(torch.isfinite(pairs.values[0])) else last
        except SpecError:  # the loss is not finite there
            found.append((step, float("nan"), float("inf")))
        yield _dataset(found)


def _dataset(found: list[tuple[int, float, float]]) -> xr.Dataset:
    steps, values, residuals = (np.array(column) for column in zip(*found, strict=True))
    return xr.Dataset(
        {"eigenvalue": ("step", values), "residual": ("step", residuals)},
        {"step": steps},
        {"schema_version": SCHEMA_VERSION, "matrix": "hessian"},
    )

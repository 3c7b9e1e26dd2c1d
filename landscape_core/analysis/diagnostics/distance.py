"""Distance from initialization, layer by layer: Nagarajan, Kolter, 2019, arXiv:1901.01672.

Over-parameterized networks stay close to their initialization: Zou, Cao, Zhou, Gu, 2018,
arXiv:1811.08888.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
import xarray as xr
from torch import Tensor

from landscape_core.analysis.diagnostics.base import (
    Diagnostic,
    blocks_of,
    check_point,
    column,
    dataset,
    taken,
)
from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.types import Vector
from landscape_core.models.network_objective import ModelObjective


@dataclass(frozen=True, kw_only=True)
class Distance(Diagnostic):
    """Distance from initialization and cosine similarity to it, for the network and each layer."""

    label: ClassVar[str] = "distance from initialization"
    formula: ClassVar[str] = "‖θ − θ₀‖, ‖θ − θ₀‖ / ‖θ₀‖, ⟨θ, θ₀⟩ / (‖θ‖ ‖θ₀‖)"
    source: ClassVar[str] = "Nagarajan and Kolter, 2019, arXiv:1901.01672"
    from_start: ClassVar[bool] = True

    @public_call
    def at(
        self, objective: ModelObjective, theta: Vector, start: Tensor | None = None
    ) -> xr.Dataset:
        """`distance` in units of the weights, `relative` and `cosine` (block).

        `relative` is the distance over the norm of the initial point, `cosine` the cosine
        similarity of the two vectors; both NaN or infinite if a norm is zero.

        Args:
            objective: the network's objective.
            theta: the current parameters, (P,).
            start: the initial parameters, (P,); by default the objective's start.

        Raises:
            SpecError: a point has the wrong size or is not finite; before any work.
        """
        origin = objective.start if start is None else start
        check_point(objective, theta)
        check_point(objective, origin, "start")
        rows = []
        for blocks in blocks_of(objective).values():
            here, there = taken(blocks, theta), taken(blocks, origin)
            far, lengths = (here - there).norm(), here.norm() * there.norm()
            rows.append(torch.stack([far, far / there.norm(), here @ there / lengths]))
        distance, relative, cosine = torch.stack(rows, dim=1)
        columns = {
            "distance": column(["block"], distance, "weight", "distance from initialization"),
            "relative": column(
                ["block"], relative, "1", "distance relative to the norm at initialization"
            ),
            "cosine": column(["block"], cosine, "1", "cosine similarity to the initialization"),
        }
        return dataset(self, objective, columns, {"block": list(blocks_of(objective))})

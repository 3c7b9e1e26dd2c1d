"""The plane of two eigenvectors of the Hessian.

Sagun, Evci, Güney, Dauphin, Bottou, 2017, arXiv:1706.04454; Böttcher and Wheeler, 2022,
Visualizing high-dimensional loss landscapes with Hessian directions, arXiv:2208.13219.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.curvature.eigenpairs import eigenpairs
from landscape_core.curvature.matrices.hessian import Hessian as Matrix
from landscape_core.foundation.errors import PlaneError, SpecError
from landscape_core.foundation.recipes import Knob
from landscape_core.models.network_objective import ModelObjective
from landscape_core.planes.directions.base import Directions, Viewpoint
from landscape_core.planes.plane import Plane

RANK = (
    "index of the eigenvector: 1 largest eigenvalue, 2 second largest; -1 smallest, -2 "
    "second smallest"
)


@dataclass(frozen=True, kw_only=True)
class HessianEigenvectors(Directions):
    """Eigenvectors of the Hessian at the centre, by default those of the largest eigenvalues."""

    label: ClassVar[str] = "Hessian eigenvectors"
    signed: ClassVar[bool] = False

    first: Annotated[int, Knob(-50, 50, RANK)] = 1
    second: Annotated[int, Knob(-50, 50, RANK)] = 2
    max_examples: Annotated[
        int, Knob(1, 1_000_000, "maximum number of examples for the Hessian", "log")
    ] = 1000
    tolerance: Annotated[
        float,
        Knob(1e-12, 0.1, "residual tolerance of an eigenvector, relative to its eigenvalue", "log"),
    ] = 1e-3

    def check(self) -> None:
        for name in ("first", "second"):
            if getattr(self, name) == 0:
                accepted = "1, 2, … (largest) or -1, -2, … (smallest)"
                raise SpecError(f"Hessian.{name}", 0, accepted)
        if self.first == self.second:
            raise SpecError("Hessian.second", self.second, f"different from first ({self.first})")

    def axes(self, view: Viewpoint, dimensions: int) -> Plane:
        ranks = (self.first, self.second)[:dimensions]
        top, bottom = max(0, *ranks), max(0, *(-rank for rank in ranks))
        if top + bottom > len(view.centre):
            raise PlaneError(
                f"eigenvectors {ranks} need {top + bottom} parameters; there are"
                f" {len(view.centre)}."
            )
        objective = view.objective
        if isinstance(objective, ModelObjective):
            objective = objective.first(self.max_examples)
        pairs = eigenpairs(
            Matrix().at(objective, view.centre), top, bottom, tolerance=self.tolerance
        )
        rows = [rank - 1 if rank > 0 else top + bottom + rank for rank in ranks]
        if not bool(pairs.values[rows].isfinite().all()):
            raise PlaneError("the requested eigenvectors did not converge; increase the tolerance.")
        axes = torch.stack([pairs.vectors[row] for row in rows])
        names = [f"eigenvector {rank} (λ = {float(pairs.values[row]):.3g})"
                 for rank, row in zip(ranks, rows, strict=True)]  # fmt: skip
        return Plane(view.centre, axes, tuple(names))

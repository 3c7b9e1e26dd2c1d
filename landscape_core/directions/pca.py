"""The plane in which the trajectory moves most: Li et al., 2018, section 7."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.directions.base import Directions, Viewpoint
from landscape_core.errors import PlaneError
from landscape_core.planes import Plane
from landscape_core.recipes import Note


@dataclass(frozen=True, kw_only=True)
class PCA(Directions):
    """The principal components of the trajectory: the plane that holds most of the motion."""

    label: ClassVar[str] = "PCA of the trajectory"
    needs_path: ClassVar[bool] = True

    center: Annotated[bool, Note("take deviations from the path's mean, not from its end")] = True

    def span(self, view: Viewpoint, dimensions: int = 2) -> Plane:
        path = view.path.double()
        if len(path) < dimensions + 1:
            raise PlaneError(
                f"PCA needs a trajectory of at least {dimensions + 1} points; this has {len(path)}."
            )
        rows = path - (path.mean(dim=0) if self.center else path[-1])
        values, vectors = torch.linalg.eigh(rows @ rows.T)
        values, vectors = values.flip(0).clamp(min=0), vectors.flip(1)
        if float(values[dimensions - 1]) <= 1e-14 * float(values[0]) or float(values[0]) == 0:
            raise PlaneError(f"the trajectory spans fewer than {dimensions} dimensions.")
        axes = (vectors[:, :dimensions].T @ rows) / values[:dimensions, None].sqrt()
        forward = (axes @ (path[-1] - path[0]) < 0)[:, None]
        axes = torch.where(forward, -axes, axes)
        shares = (values[:dimensions] / values.sum()).tolist()
        names = tuple(f"PC{i + 1} ({share:.0%} of the motion)" for i, share in enumerate(shares))
        return Plane(view.centre, axes.to(view.centre), names, tuple(shares))

"""The plane of largest variance of the trajectory: Li et al., 2018, section 7.

For several runs, PCA is applied to all their points together.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor

from landscape_core.foundation.errors import PlaneError
from landscape_core.foundation.recipes import Knob, Note
from landscape_core.foundation.types import Vectors
from landscape_core.planes.directions.base import Directions, Viewpoint
from landscape_core.planes.plane import Plane

BLOCK = 2**21
"""Number of entries of the trajectory converted to double precision at a time."""


@dataclass(frozen=True, kw_only=True)
class PCA(Directions):
    """The first principal components of the trajectory: the plane of largest explained variance."""

    label: ClassVar[str] = "PCA of the trajectory"
    needs_path: ClassVar[bool] = True
    whole_path: ClassVar[bool] = True
    signed: ClassVar[bool] = False
    uses_data: ClassVar[bool] = False

    center: Annotated[
        bool,
        Note(
            "PCA of the deviations from the trajectory's mean, as in the code of Li et al.; off: "
            "from its last point"
        ),
    ] = True
    last: Annotated[
        float, Knob(0.01, 1.0, "fraction of the trajectory used, counted from its end")
    ] = 1.0

    def axes(self, view: Viewpoint, dimensions: int) -> Plane:
        # The run's own path comes last, so that deviations may be taken from its end.
        path = torch.cat([self._part(each) for each in (*view.others, view.path)])
        needed = dimensions + 1
        if len(path) < needed:
            raise PlaneError(
                f"PCA in {dimensions}-D needs a path of at least {needed} points;"
                f" it has {len(path)}. Train longer, or choose other directions, as random."
            )
        if not bool(path.isfinite().all()):
            wrong = int((~path.isfinite().all(dim=1)).nonzero()[0])
            raise PlaneError(
                f"PCA needs a finite path; of this one state {wrong} (counted from 0) holds NaN or"
                " infinity. Leave it out."
            )
        weights, shares = self._components(path, dimensions)
        axes = torch.cat([weights.T @ block for block in self._deviations(path)], dim=1)
        axes /= axes.norm(dim=1, keepdim=True)
        names = tuple(f"PC{i + 1}" for i in range(dimensions))
        return Plane(view.centre, axes.to(view.centre), names, tuple(shares))

    def _part(self, path: Tensor) -> Tensor:
        return path.detach()[-math.ceil(self.last * len(path)) :]

    def _components(self, path: Vectors, dimensions: int) -> tuple[Tensor, list[float]]:
        """The axes as combinations of deviations (T, D), up to scale, and their explained variance.

        The Gram matrix (T, T) has the same nonzero eigenvalues as the covariance (P, P) and is much
        smaller.
        """
        gram = path.new_zeros(len(path), len(path), dtype=torch.float64)
        for block in self._deviations(path):
            gram.addmm_(block, block.T)
        values, vectors = torch.linalg.eigh(gram)
        values, vectors = values.flip(0).clamp(min=0), vectors.flip(1)[:, :dimensions]
        rounding = (torch.finfo(path.dtype).eps * float(path.norm())) ** 2
        moves = int((values > max(rounding, 1e-14 * float(values[0]))).sum())
        if moves < dimensions:
            raise PlaneError(
                f"PCA in {dimensions}-D needs a path that moves in at least {dimensions}"
                f" directions; this one moves in {moves}. Choose "
                + ("one dimension, or " if moves else "")
                + "other directions, as random."
            )
        weights = vectors / values[:dimensions].sqrt()
        shares = values[:dimensions] / values.sum()
        return weights, shares.tolist()

    def _deviations(self, path: Vectors) -> Iterator[Tensor]:
        """Yield the trajectory relative to its mean or its end, in blocks of parameters (T, p)."""
        for block in path.split(max(1, BLOCK // len(path)), dim=1):
            exact = block.double()
            yield exact - (exact.mean(dim=0) if self.center else exact[-1])

"""The plane of the next gradient descent steps: the gradient and the Hessian times the gradient.

Its axes span the two-dimensional Krylov subspace, which contains two steps of gradient descent on a
quadratic.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch

from landscape_core.foundation.errors import PlaneError
from landscape_core.planes.directions.base import Directions, Viewpoint
from landscape_core.planes.plane import Plane


@dataclass(frozen=True, kw_only=True)
class Gradient(Directions):
    """The negative gradient and the Hessian times the gradient."""

    label: ClassVar[str] = "gradient"

    def axes(self, view: Viewpoint, dimensions: int) -> Plane:
        gradient = view.objective.gradient(view.centre)
        if not bool(gradient.isfinite().all()):
            raise PlaneError("the gradient must be finite; it holds NaN or infinity.")
        if not float(gradient.norm()):
            raise PlaneError("the gradient is zero and defines no direction.")
        axes, names = [-gradient], ["negative gradient"]
        if dimensions == 2:
            axes.append(view.objective.hvp(view.centre, gradient))
            names.append("Hessian times gradient")
        return Plane(view.centre, torch.stack(axes), tuple(names))

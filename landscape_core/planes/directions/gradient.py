"""The plane of the first steps of gradient descent: the gradient, and how the Hessian bends it.

Its axes span the Krylov space of two dimensions, in which two steps of gradient descent lie.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch

from landscape_core.foundation.errors import PlaneError
from landscape_core.planes.directions.base import Directions, Viewpoint
from landscape_core.planes.plane import Plane


@dataclass(frozen=True, kw_only=True)
class Gradient(Directions):
    """The negative gradient, and the Hessian times the gradient, where descent turns next."""

    label: ClassVar[str] = "gradient"

    def axes(self, view: Viewpoint, dimensions: int) -> Plane:
        gradient = view.objective.gradient(view.centre)
        if not bool(gradient.isfinite().all()):
            raise PlaneError("the gradient must be finite; here it holds NaN or infinity.")
        if not float(gradient.norm()):
            raise PlaneError("the gradient here is zero: it gives no direction.")
        axes, names = [-gradient], ["negative gradient"]
        if dimensions == 2:
            axes.append(view.objective.hvp(view.centre, gradient))
            names.append("Hessian times gradient")
        return Plane(view.centre, torch.stack(axes), tuple(names))

"""Adaptive sharpness: Kwon, Kim, Park, Choi, 2021, ASAM, arXiv:2102.11600, equation 3, p = 2.

The maximum is approximated by projected gradient ascent in u = z / |theta|, in which the gradient
is invariant to rescaling of the weights; the result is a lower bound.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.curvature.sharpness.base import Reading, Sharpness
from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.recipes import Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective


@dataclass(frozen=True, kw_only=True)
class AdaptiveSharpness(Sharpness):
    """Maximum increase of the loss over perturbations measured relative to each weight (ASAM)."""

    label: ClassVar[str] = "adaptive sharpness"
    formula: ClassVar[str] = "max L(θ + |θ| u) − L(θ), ‖u‖ ≤ ρ"
    source: ClassVar[str] = "Kwon et al., 2021, arXiv:2102.11600"
    invariant: ClassVar[bool] = True

    rho: Annotated[float, Knob(1e-4, 10.0, "radius ρ of the ball", "log")] = 0.5
    steps: Annotated[int, Knob(1, 1000, "number of gradient ascent steps", "log")] = 20

    @public_call
    def read(self, objective: Objective, theta: Vector, seed: int = 0) -> Reading:
        del seed  # nothing is drawn
        centre, scale = theta.detach(), theta.detach().abs()
        value, gradient = objective.value_and_gradient(centre)
        here = highest = float(value)
        u = torch.zeros_like(centre)
        for _ in range(self.steps):
            slope = scale * gradient
            length = float(slope.norm())
            if not 0 < length < torch.inf:
                break  # flat, or the loss is not finite
            u = u + 2 * self.rho / self.steps * slope / length
            u = u * min(1.0, self.rho / float(u.norm()))
            value, gradient = objective.value_and_gradient(centre + scale * u)
            highest = max(highest, float(value))
        return Reading(highest - here, 0.0, 1 + self.steps)

"""Epsilon-sharpness: Keskar, Mudigere, Nocedal, Smelyanskiy, Tang, 2017, arXiv:1609.04836, 2.2.

As in the paper, the maximum over the box is approximated by ten number of L-BFGS-B iterations; the
result is a lower bound. The search starts at a hundredth of the box size from the point, because
the gradient vanishes at an exact minimum, and the loss is scaled so that the first step crosses the
box; otherwise the search would hardly move at a trained minimum.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import minimize

from landscape_core.curvature.sharpness.base import Reading, Sharpness
from landscape_core.foundation import random_streams
from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.recipes import Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class EpsilonSharpness(Sharpness):
    """Maximum increase of the loss in a small box around the point, in percent of 1 + loss."""

    label: ClassVar[str] = "ε-sharpness"
    formula: ClassVar[str] = "100 (max L(θ + z) − L(θ)) / (1 + L(θ)), |zᵢ| ≤ ε (|θᵢ| + 1)"
    source: ClassVar[str] = "Keskar et al., 2017, arXiv:1609.04836, metric 2.1"
    unit: ClassVar[str] = "%"
    invariant: ClassVar[bool] = False

    epsilon: Annotated[float, Knob(1e-6, 1.0, "relative half-width ε of the box", "log")] = 1e-3
    iterations: Annotated[int, Knob(1, 1000, "number of L-BFGS-B iterations", "log")] = 10

    @public_call
    def read(self, objective: Objective, theta: Vector, seed: int = 0) -> Reading:
        centre = theta.detach()
        here = float(objective.losses(centre[None])[0])
        bound = (self.epsilon * (centre.abs() + 1)).double().numpy(force=True)
        highest, calls = here, 1

        # In units of the box's half-width, so that every coordinate counts alike.
        def fallen(u: Floats) -> tuple[float, Floats]:
            nonlocal highest, calls
            calls += 1
            moved = centre + torch.from_numpy(u * bound).to(centre)
            value, gradient = objective.value_and_gradient(moved)
            highest = max(highest, float(value))
            return here - float(value), -gradient.double().numpy(force=True) * bound

        start = 0.01 * random_streams.numpy_stream(seed, "sharpness").uniform(-1, 1, len(centre))
        steepness = float(np.square(fallen(start)[1]).sum())
        if not 0 < steepness < np.inf:  # flat, or the loss is not finite
            return Reading(100 * (highest - here) / (1 + here), 0.0, calls)

        def scaled(u: Floats) -> tuple[float, Floats]:
            value, gradient = fallen(u)
            return value / steepness, gradient / steepness

        minimize(
            scaled,
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=[(-1.0, 1.0)] * len(centre),
            options={"maxiter": self.iterations, "ftol": 0.0, "gtol": 0.0},
        )
        return Reading(100 * (highest - here) / (1 + here), 0.0, calls)

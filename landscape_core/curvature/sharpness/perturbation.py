"""Expected sharpness: Neyshabur, Bhojanapalli, McAllester, Srebro, 2017, arXiv:1706.08947."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.curvature.sharpness._drawn import drawn
from landscape_core.curvature.sharpness.base import Reading, Sharpness
from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.recipes import Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective


@dataclass(frozen=True, kw_only=True)
class Perturbation(Sharpness):
    """Expected increase of the loss under isotropic Gaussian noise on all parameters."""

    label: ClassVar[str] = "expected sharpness"
    formula: ClassVar[str] = "E L(θ + σ z) − L(θ), z ~ N(0, 1)"
    source: ClassVar[str] = "Neyshabur et al., 2017, arXiv:1706.08947"
    invariant: ClassVar[bool] = False

    sigma: Annotated[float, Knob(1e-6, 10.0, "standard deviation σ of the noise", "log")] = 0.05
    samples: Annotated[int, Knob(2, 10_000, "number of noise samples", "log")] = 50

    @public_call
    def read(self, objective: Objective, theta: Vector, seed: int = 0) -> Reading:
        return drawn(objective, theta, self.sigma * torch.ones_like(theta), self.samples, seed)

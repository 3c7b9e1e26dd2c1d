"""Average-case adaptive sharpness: Andriushchenko et al., 2023, arXiv:2302.07011, section 3."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from landscape_core.curvature.sharpness._drawn import drawn
from landscape_core.curvature.sharpness.base import Reading, Sharpness
from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.recipes import Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective


@dataclass(frozen=True, kw_only=True)
class AdaptivePerturbation(Sharpness):
    """Expected increase of the loss under Gaussian noise proportional to each parameter."""

    label: ClassVar[str] = "expected adaptive sharpness"
    formula: ClassVar[str] = "E L(θ + σ |θ| z) − L(θ), z ~ N(0, 1)"
    source: ClassVar[str] = "Andriushchenko et al., 2023, arXiv:2302.07011"
    invariant: ClassVar[bool] = True

    sigma: Annotated[
        float, Knob(1e-6, 10.0, "standard deviation σ of the noise relative to each weight", "log")
    ] = 0.2
    samples: Annotated[int, Knob(2, 10_000, "number of noise samples", "log")] = 50

    @public_call
    def read(self, objective: Objective, theta: Vector, seed: int = 0) -> Reading:
        return drawn(objective, theta, self.sigma * theta.abs(), self.samples, seed)

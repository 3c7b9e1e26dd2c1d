"""Identity initialization: Bartlett, Helmbold and Long, 2018, arXiv:1802.06093.

With it, gradient descent on a deep linear network converges for every symmetric positive definite
target map, and for none with a negative eigenvalue.
"""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn

from landscape_core.foundation.recipes import Knob
from landscape_core.models.initializations.base import Initialization, fans


@dataclass(frozen=True, kw_only=True)
class Identity(Initialization):
    """Square weight matrices are gain times the identity; others use LeCun initialization."""

    label: ClassVar[str] = "identity"

    gain: Annotated[float, Knob(0.01, 10.0, "gain: factor on the identity", scale="log")] = 1.0

    def fill(self, weight: Tensor, activation: str, rng: torch.Generator) -> None:
        del activation
        with torch.no_grad():
            if weight.shape[0] != weight.shape[1]:
                weight.normal_(0.0, math.sqrt(1.0 / fans(weight)[0]), generator=rng)
            elif weight.ndim == 2:
                nn.init.eye_(weight)
            else:
                nn.init.dirac_(weight)
            weight.mul_(self.gain)

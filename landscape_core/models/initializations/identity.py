"""Identity initialization: Bartlett, Helmbold and Long, 2018, arXiv:1802.06093.

With it, gradient descent fits a deep linear network to every symmetric target that is positive
definite, and to none that has a negative eigenvalue.
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
    """Each square layer passes its inputs on, times a gain; others start as LeCun's, times it."""

    label: ClassVar[str] = "identity"

    gain: Annotated[float, Knob(0.01, 10.0, "what inputs are multiplied by", scale="log")] = 1.0

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

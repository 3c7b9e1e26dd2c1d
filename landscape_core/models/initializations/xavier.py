"""Xavier initialization: Glorot and Bengio, 2010, equation 12."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from landscape_core.models.initializations.base import Initialization, fans


@dataclass(frozen=True, kw_only=True)
class Xavier(Initialization):
    """Xavier (Glorot) normal: variance 2 / (fan-in + fan-out), for tanh."""

    label: ClassVar[str] = "Xavier"

    def fill(self, weight: Tensor, activation: str, rng: torch.Generator) -> None:
        del activation
        with torch.no_grad():
            weight.normal_(0.0, math.sqrt(2.0 / sum(fans(weight))), generator=rng)

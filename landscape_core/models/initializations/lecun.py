"""LeCun initialization: LeCun, Bottou, Orr and Müller, 1998, Efficient BackProp, section 4.6."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from landscape_core.models.initializations.base import Initialization, fans


@dataclass(frozen=True, kw_only=True)
class LeCun(Initialization):
    """LeCun normal: variance 1 / fan-in, which preserves the variance of linear units."""

    label: ClassVar[str] = "LeCun"

    def fill(self, weight: Tensor, activation: str, rng: torch.Generator) -> None:
        del activation
        with torch.no_grad():
            weight.normal_(0.0, math.sqrt(1.0 / fans(weight)[0]), generator=rng)

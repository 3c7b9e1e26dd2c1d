"""He initialization: He, Zhang, Ren, Sun, 2015, arXiv:1502.01852, equation 10."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from landscape_core.models.initializations.base import Initialization


@dataclass(frozen=True, kw_only=True)
class He(Initialization):
    """Kaiming (He) normal: variance 2 / fan-in, which preserves the scale of ReLU units."""

    label: ClassVar[str] = "He"

    def fill(self, weight: Tensor, activation: str, rng: torch.Generator) -> None:
        del activation
        with torch.no_grad():
            weight.normal_(0.0, math.sqrt(2.0 / weight[0].numel()), generator=rng)

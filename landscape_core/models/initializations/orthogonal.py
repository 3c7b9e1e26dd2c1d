"""Orthogonal initialization: Saxe, McClelland and Ganguli, 2014, arXiv:1312.6120."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from landscape_core.models.initializations.base import Initialization


@dataclass(frozen=True, kw_only=True)
class Orthogonal(Initialization):
    """Random orthogonal weights, times √2 for ReLU."""

    label: ClassVar[str] = "orthogonal"

    def fill(self, weight: Tensor, activation: str, rng: torch.Generator) -> None:
        gain = math.sqrt(2.0) if activation == "relu" else 1.0
        nn.init.orthogonal_(weight, gain, generator=rng)

"""The default initialization of torch.nn.Linear and Conv2d."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from landscape_core.models.initializations.base import Initialization, fans


@dataclass(frozen=True, kw_only=True)
class PyTorch(Initialization):
    """Uniform on ±1/√fan-in for weights and biases: the default of PyTorch."""

    label: ClassVar[str] = "PyTorch default"

    def fill(self, weight: Tensor, activation: str, rng: torch.Generator) -> None:
        del activation
        _uniform(weight, weight, rng)

    def fill_bias(self, bias: Tensor, weight: Tensor, rng: torch.Generator) -> None:
        _uniform(bias, weight, rng)


def _uniform(tensor: Tensor, weight: Tensor, rng: torch.Generator) -> None:
    bound = 1.0 / math.sqrt(fans(weight)[0])
    with torch.no_grad():
        tensor.uniform_(-bound, bound, generator=rng)

"""Initialization by mean-field theory: Poole et al., 2016, arXiv:1606.05340, section 2.

Schoenholz, Gilmer, Ganguli and Sohl-Dickstein, 2017, arXiv:1611.01232: with φ the activation, q*
the length that the layers keep and z standard normal, two inputs become one with depth where
χ = σ_w² E φ'(√q* z)² < 1 (order), part where χ > 1 (chaos), and signals reach deepest at χ = 1.
"""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor

from landscape_core.foundation.recipes import Knob
from landscape_core.models.initializations.base import Initialization, fans


@dataclass(frozen=True, kw_only=True)
class MeanField(Initialization):
    """Normal weights of variance σ_w² / fan-in, biases of σ_b²: below, at or past chaos's edge."""

    label: ClassVar[str] = "mean field"

    sigma_w: Annotated[
        float, Knob(0.01, 10.0, "σ_w; with σ_b = 0 the edge is √2 (ReLU), 1 (tanh)", scale="log")
    ] = math.sqrt(2.0)
    sigma_b: Annotated[float, Knob(0.0, 10.0, "σ_b, of the biases")] = 0.0

    def fill(self, weight: Tensor, activation: str, rng: torch.Generator) -> None:
        del activation
        with torch.no_grad():
            weight.normal_(0.0, self.sigma_w / math.sqrt(fans(weight)[0]), generator=rng)

    def fill_bias(self, bias: Tensor, weight: Tensor, rng: torch.Generator) -> None:
        del weight
        with torch.no_grad():
            bias.normal_(0.0, self.sigma_b, generator=rng)

"""Initialization by mean-field theory: Poole et al., 2016, arXiv:1606.05340, section 2.

Schoenholz, Gilmer, Ganguli and Sohl-Dickstein, 2017, arXiv:1611.01232: with φ the activation
function, q* the fixed point of the squared length and z standard normal, two inputs converge with
depth if χ = σ_w² E φ'(√q* z)² < 1 (ordered phase), diverge if χ > 1 (chaotic phase), and signals
propagate deepest at χ = 1, the edge of chaos.
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
    """Normal weights of variance σ_w² / fan-in and biases of variance σ_b² (mean-field theory)."""

    label: ClassVar[str] = "mean field"

    sigma_w: Annotated[
        float,
        Knob(
            0.01,
            10.0,
            "weight scale σ_w; for σ_b = 0 the edge of chaos is at √2 (ReLU) or 1 (tanh)",
            scale="log",
        ),
    ] = math.sqrt(2.0)
    sigma_b: Annotated[float, Knob(0.0, 10.0, "bias scale σ_b")] = 0.0

    def fill(self, weight: Tensor, activation: str, rng: torch.Generator) -> None:
        del activation
        with torch.no_grad():
            weight.normal_(0.0, self.sigma_w / math.sqrt(fans(weight)[0]), generator=rng)

    def fill_bias(self, bias: Tensor, weight: Tensor, rng: torch.Generator) -> None:
        del weight
        with torch.no_grad():
            bias.normal_(0.0, self.sigma_b, generator=rng)

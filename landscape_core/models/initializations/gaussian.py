"""Gaussian initialization with a chosen gain."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor

from landscape_core.foundation.recipes import Knob
from landscape_core.models.initializations.base import Initialization, fans


@dataclass(frozen=True, kw_only=True)
class Gaussian(Initialization):
    """Normal with standard deviation gain / √fan-in."""

    label: ClassVar[str] = "Gaussian"

    gain: Annotated[
        float, Knob(0.01, 10.0, "gain: factor on the standard deviation", scale="log")
    ] = 1.0

    def fill(self, weight: Tensor, activation: str, rng: torch.Generator) -> None:
        del activation
        with torch.no_grad():
            weight.normal_(0.0, self.gain / fans(weight)[0] ** 0.5, generator=rng)

"""Maxout networks: Goodfellow, Warde-Farley, Mirza, Courville, Bengio, 2013, arXiv:1302.4389."""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn

from landscape_core import Architecture
from landscape_core.foundation.recipes import Knob


class MaxoutLayer(nn.Module):
    """The largest of several linear maps, unit by unit."""

    def __init__(self, inputs: int, units: int, pieces: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, units * pieces)
        self.pieces = pieces

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x).unflatten(-1, (-1, self.pieces)).amax(dim=-1)


@dataclass(frozen=True, kw_only=True)
class Maxout(Architecture):
    """One hidden layer whose units are maxima of linear functions."""

    label: ClassVar[str] = "maxout"

    width: Annotated[int, Knob(1, 4096, "units in the hidden layer", "log")] = 16
    pieces: Annotated[int, Knob(2, 16, "linear functions of each unit")] = 2

    def network(
        self, input_shape: tuple[int, ...], outputs: int, rng: torch.Generator
    ) -> nn.Module:
        """A network from (N, *input_shape) to (N, outputs), its weights drawn from rng."""
        inputs = math.prod(input_shape)
        network = nn.Sequential(
            nn.Flatten(),
            MaxoutLayer(inputs, self.width, self.pieces),
            nn.Linear(self.width, outputs),
        )
        with torch.no_grad():
            for weight in network.parameters():
                if weight.ndim == 2:
                    weight.normal_(0.0, weight.shape[1] ** -0.5, generator=rng)
                else:
                    weight.zero_()
        return network

"""The deep linear network: Saxe, McClelland and Ganguli, 2014, arXiv:1312.6120."""

import itertools
import math
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

import torch
from torch import nn

from landscape_core.foundation.recipes import Knob, Note
from landscape_core.models.architectures.base import Architecture
from landscape_core.models.initializations.base import Initialization
from landscape_core.models.initializations.lecun import LeCun
from landscape_core.models.network_blocks import initialized


@dataclass(frozen=True, kw_only=True)
class DeepLinear(Architecture):
    """A product of weight matrices without biases or activation functions: W_L ⋯ W_1 x."""

    label: ClassVar[str] = "deep linear network"
    depth_field: ClassVar[str] = "depth"

    depth: Annotated[int, Knob(1, 200, "number of layers L")] = 3
    width: Annotated[int, Knob(1, 4096, "width of the hidden layers", scale="log")] = 16
    initialization: Annotated[Initialization, Note("weight initialization")] = field(
        default_factory=LeCun
    )

    def network(
        self, input_shape: tuple[int, ...], outputs: int, rng: torch.Generator
    ) -> nn.Module:
        layers: list[nn.Module] = [nn.Flatten()] if len(input_shape) > 1 else []
        sizes = [math.prod(input_shape), *[self.width] * (self.depth - 1), outputs]
        for size, following in itertools.pairwise(sizes):
            linear = nn.Linear(size, following, bias=False)
            layers.append(initialized(linear, self.initialization, "identity", rng))
        return nn.Sequential(*layers)

"""The multilayer perceptron: Rumelhart, Hinton and Williams, 1986."""

import math
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

import torch
from torch import nn

from landscape_core.foundation.recipes import Knob, Note
from landscape_core.models.architectures.base import Architecture
from landscape_core.models.initializations.base import Initialization
from landscape_core.models.initializations.he import He
from landscape_core.models.network_blocks import ACTIVATION, ACTIVATIONS, initialized, normalized
from landscape_core.models.normalizations.base import Normalization
from landscape_core.models.normalizations.none import NoNormalization


@dataclass(frozen=True, kw_only=True)
class MLP(Architecture):
    """Multilayer perceptron: a sequence of fully connected layers."""

    label: ClassVar[str] = "MLP"
    depth_field: ClassVar[str] = "depth"

    depth: Annotated[int, Knob(0, 100, "number of hidden layers")] = 2
    width: Annotated[int, Knob(1, 4096, "number of units in each hidden layer", scale="log")] = 16
    activation: Annotated[str, ACTIVATION] = "relu"
    normalization: Annotated[Normalization, Note("normalization after each hidden layer")] = field(
        default_factory=NoNormalization
    )
    initialization: Annotated[Initialization, Note("weight initialization")] = field(
        default_factory=He
    )

    def network(
        self, input_shape: tuple[int, ...], outputs: int, rng: torch.Generator
    ) -> nn.Module:
        layers: list[nn.Module] = [nn.Flatten()] if len(input_shape) > 1 else []
        size = math.prod(input_shape)
        for _ in range(self.depth):
            linear = nn.Linear(size, self.width)
            layers.append(initialized(linear, self.initialization, self.activation, rng))
            layers += normalized(self.normalization, self.width, 0)
            layers.append(ACTIVATIONS[self.activation]())
            size = self.width
        last = initialized(nn.Linear(size, outputs), self.initialization, "identity", rng)
        return nn.Sequential(*layers, last)

"""A fully connected residual network, with or without skip connections.

The network in which Li et al., 2018 (figure 5) is reproduced at a size for two processor cores.
"""

import math
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

import torch
from torch import nn

from landscape_core.foundation.recipes import Knob, Note
from landscape_core.models.architectures.base import Architecture
from landscape_core.models.initializations.base import Initialization
from landscape_core.models.initializations.he import He
from landscape_core.models.network_blocks import (
    ACTIVATION,
    ACTIVATIONS,
    Residual,
    initialized,
    normalized,
)
from landscape_core.models.normalizations.base import Normalization
from landscape_core.models.normalizations.layer import Layer


@dataclass(frozen=True, kw_only=True)
class ResidualMLP(Architecture):
    """Fully connected blocks of two layers, with or without a skip connection around each."""

    label: ClassVar[str] = "residual MLP"
    depth_field: ClassVar[str] = "depth"

    depth: Annotated[int, Knob(2, 200, "number of hidden layers, in blocks of two")] = 20
    width: Annotated[int, Knob(1, 4096, "number of units in each hidden layer", scale="log")] = 32
    skips: Annotated[bool, Note("skip connections: add each block's input to its output")] = True
    activation: Annotated[str, ACTIVATION] = "relu"
    normalization: Annotated[Normalization, Note("normalization after each linear layer")] = field(
        default_factory=Layer
    )
    initialization: Annotated[Initialization, Note("weight initialization")] = field(
        default_factory=He
    )

    def network(
        self, input_shape: tuple[int, ...], outputs: int, rng: torch.Generator
    ) -> nn.Module:
        layers: list[nn.Module] = [nn.Flatten()] if len(input_shape) > 1 else []
        first = nn.Linear(math.prod(input_shape), self.width)
        layers.append(initialized(first, self.initialization, self.activation, rng))
        layers.append(ACTIVATIONS[self.activation]())
        for _ in range(self.depth // 2):
            branch = nn.Sequential(
                *self._linear(rng), ACTIVATIONS[self.activation](), *self._linear(rng)
            )
            layers.append(Residual(branch, self.activation, skips=self.skips))
        last = nn.Linear(self.width, outputs)
        return nn.Sequential(*layers, initialized(last, self.initialization, "identity", rng))

    def _linear(self, rng: torch.Generator) -> list[nn.Module]:
        linear = nn.Linear(self.width, self.width)
        initialized(linear, self.initialization, self.activation, rng)
        return [linear, *normalized(self.normalization, self.width, 0)]

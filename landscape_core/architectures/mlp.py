"""The multilayer perceptron."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

import math
import torch
from torch import nn

from landscape_core.architectures.base import Architecture
from landscape_core.initializations.base import Initialization
from landscape_core.initializations.he import He
from landscape_core.normalizations.base import Normalization
from landscape_core.normalizations.none import NoNormalization
from landscape_core.recipes import Choice, Knob, Note

ACT = {"relu": nn.ReLU, "tanh": nn.Tanh}

@dataclass(frozen=True, kw_only=True)
class MLP(Architecture):
    """Fully connected layers, one after another."""

    label: ClassVar[str] = "MLP"
    depth: Annotated[int, Knob(0, 100, "hidden layers")] = 2
    width: Annotated[int, Knob(1, 4096, "units in each hidden layer", scale="log")] = 16
    activation: Annotated[str, Choice(tuple(ACT), "what bends")] = "relu"
    normalization: Annotated[Normalization, Note("between")] = field(default_factory=NoNormalization)
    initialization: Annotated[Initialization, Note("how the weights start")] = field(default_factory=He)

    def build(self, input_shape: tuple[int, ...], outputs: int, rng: torch.Generator) -> nn.Module:
        net = []
        if len(input_shape) > 1:
            net.append(nn.Flatten())
        sizes = [math.prod(input_shape), *[self.width] * self.depth, outputs]
        for i, (a, b) in enumerate(zip(sizes, sizes[1:])):
            lin = nn.Linear(a, b)
            self.initialization.fill(lin.weight, self.activation, rng)
            self.initialization.fill_bias(lin.bias, lin.weight, rng)
            net.append(lin)
            if i < self.depth:
                net.append(ACT[self.activation]())
        return nn.Sequential(*net)

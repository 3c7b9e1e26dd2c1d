"""The MLP in the parametrization of the neural tangent kernel.

Jacot, Gabriel and Hongler, 2018, arXiv:1806.07572, section 2: all parameters start standard normal,
and the scale stands in the network itself, so that its kernel has a limit as the width grows.
"""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import nn

from landscape_core.foundation.recipes import Knob
from landscape_core.models.architectures.base import Architecture
from landscape_core.models.network_blocks import ACTIVATION, ACTIVATIONS, ScaledLinear


@dataclass(frozen=True, kw_only=True)
class NTKMLP(Architecture):
    """Fully connected layers σ/√n · W x + β b with all of W and b drawn standard normal."""

    label: ClassVar[str] = "MLP, NTK-parametrized"

    depth: Annotated[int, Knob(0, 100, "hidden layers")] = 2
    width: Annotated[int, Knob(1, 4096, "units in each hidden layer", scale="log")] = 256
    sigma: Annotated[float, Knob(0.01, 10.0, "σ, of the weights; √2 keeps ReLU's scale", "log")] = (
        math.sqrt(2.0)
    )
    beta: Annotated[float, Knob(0.0, 10.0, "β, of the biases")] = 0.1
    activation: Annotated[str, ACTIVATION] = "relu"

    def network(
        self, input_shape: tuple[int, ...], outputs: int, rng: torch.Generator
    ) -> nn.Module:
        layers: list[nn.Module] = [nn.Flatten()] if len(input_shape) > 1 else []
        size = math.prod(input_shape)
        for _ in range(self.depth):
            layers.append(ScaledLinear(size, self.width, self.sigma, self.beta, rng))
            layers.append(ACTIVATIONS[self.activation]())
            size = self.width
        return nn.Sequential(*layers, ScaledLinear(size, outputs, self.sigma, self.beta, rng))

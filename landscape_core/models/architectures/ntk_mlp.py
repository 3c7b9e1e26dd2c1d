"""The multilayer perceptron in NTK parametrization.

Jacot, Gabriel and Hongler, 2018, arXiv:1806.07572, section 2: all parameters are initialized
standard normal and the scale is part of the network, so that its neural tangent kernel converges as
the width grows. A factor α on the outputs moves between the kernel regime and feature learning: the
larger it is, the less parameters move to fit the same targets (Chizat, Oyallon, Bach, 2019,
arXiv:1812.07956). With one hidden layer and α = 1/√width it is the mean-field network (1/m) Σⱼ.
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
    """Fully connected layers σ/√n · W x + β b with standard normal W and b; outputs times α."""

    label: ClassVar[str] = "MLP, NTK-parametrized"
    depth_field: ClassVar[str] = "depth"

    depth: Annotated[int, Knob(0, 100, "number of hidden layers")] = 2
    width: Annotated[int, Knob(1, 4096, "number of units in each hidden layer", scale="log")] = 256
    sigma: Annotated[
        float,
        Knob(0.01, 10.0, "weight scale σ; √2 preserves the variance of ReLU activations", "log"),
    ] = math.sqrt(2.0)
    beta: Annotated[float, Knob(0.0, 10.0, "bias scale β")] = 0.1
    activation: Annotated[str, ACTIVATION] = "relu"
    output_scale: Annotated[
        float,
        Knob(1e-3, 1e3, "factor α on the outputs; the smaller, the more features move", "log"),
    ] = 1.0

    def network(
        self, input_shape: tuple[int, ...], outputs: int, rng: torch.Generator
    ) -> nn.Module:
        layers: list[nn.Module] = [nn.Flatten()] if len(input_shape) > 1 else []
        size = math.prod(input_shape)
        for _ in range(self.depth):
            layers.append(ScaledLinear(size, self.width, self.sigma, self.beta, rng))
            layers.append(ACTIVATIONS[self.activation]())
            size = self.width
        scales = self.output_scale * self.sigma, self.output_scale * self.beta
        return nn.Sequential(*layers, ScaledLinear(size, outputs, *scales, rng))

"""The densely connected network: Huang, Liu, van der Maaten and Weinberger, 2017, arXiv:1608.06993.

Without bottlenecks (the paper's DenseNet-C). Transition layers halve the channels and, for images,
each side. For inputs that are not images, linear layers replace the convolutions.
"""

import math
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn

from landscape_core.foundation.recipes import Knob, Note
from landscape_core.models.architectures.base import Architecture, check_images
from landscape_core.models.initializations.base import Initialization
from landscape_core.models.initializations.he import He
from landscape_core.models.network_blocks import ACTIVATION, ACTIVATIONS, initialized, normalized
from landscape_core.models.normalizations.base import Normalization
from landscape_core.models.normalizations.none import NoNormalization


@dataclass(frozen=True, kw_only=True)
class DenseNet(Architecture):
    """Dense blocks: each layer receives the concatenated outputs of all previous layers."""

    label: ClassVar[str] = "DenseNet"
    depth_field: ClassVar[str] = "depth"

    blocks: Annotated[
        int,
        Knob(
            1,
            4,
            "number of dense blocks; a transition layer after each but the last halves the "
            "channels",
        ),
    ] = 2
    depth: Annotated[int, Knob(1, 50, "number of layers in each block")] = 3
    growth: Annotated[
        int, Knob(1, 256, "growth rate: channels added by each layer", scale="log")
    ] = 8
    activation: Annotated[str, ACTIVATION] = "relu"
    normalization: Annotated[
        Normalization, Note("normalization before each activation function")
    ] = field(default_factory=NoNormalization)
    initialization: Annotated[Initialization, Note("weight initialization")] = field(
        default_factory=He
    )

    def network(
        self, input_shape: tuple[int, ...], outputs: int, rng: torch.Generator
    ) -> nn.Module:
        images = len(input_shape) == 3
        if images:
            check_images(input_shape, "DenseNet")
        size = 2 * self.growth
        layers: list[nn.Module] = [] if images or len(input_shape) == 1 else [nn.Flatten()]
        first = input_shape[0] if images else math.prod(input_shape)
        layers.append(self._layer(first, size, rng, kernel=3 if images else 0))
        for block in range(self.blocks):
            for _ in range(self.depth):
                branch = self._activated(size, self.growth, rng, kernel=3 if images else 0)
                layers.append(Concatenated(nn.Sequential(*branch)))
                size += self.growth
            if block < self.blocks - 1:
                layers += self._activated(size, size // 2, rng, kernel=1 if images else 0)
                layers += [nn.AvgPool2d(2, ceil_mode=True)] if images else []
                size //= 2
        layers += [*normalized(self.normalization, size, 2 if images else 0)]
        layers.append(ACTIVATIONS[self.activation]())
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten()] if images else []
        last = initialized(nn.Linear(size, outputs), self.initialization, "identity", rng)
        return nn.Sequential(*layers, last)

    def _activated(
        self, size: int, channels: int, rng: torch.Generator, *, kernel: int
    ) -> list[nn.Module]:
        """Normalization, activation function and a layer, in the order of the paper's section 3."""
        before = normalized(self.normalization, size, 2 if kernel else 0)
        activation = ACTIVATIONS[self.activation]()
        return [*before, activation, self._layer(size, channels, rng, kernel=kernel)]

    def _layer(self, size: int, channels: int, rng: torch.Generator, *, kernel: int) -> nn.Module:
        """A convolution with "same" padding, or for kernel 0 a linear layer."""
        layer: nn.Linear | nn.Conv2d = nn.Linear(size, channels)
        if kernel:
            layer = nn.Conv2d(size, channels, kernel, padding=kernel // 2)
        return initialized(layer, self.initialization, self.activation, rng)


class Concatenated(nn.Module):
    """The concatenation (h, branch(h)) along the channels."""

    def __init__(self, branch: nn.Module) -> None:
        """A dense connection around a branch."""
        super().__init__()
        self.branch = branch

    def forward(self, hidden: Tensor) -> Tensor:
        """Concatenate the input and the output of the branch."""
        return torch.cat([hidden, self.branch(hidden)], 1)

"""The densely connected network: Huang, Liu, van der Maaten and Weinberger, 2017, arXiv:1608.06993.

Without bottlenecks (the paper's DenseNet-C). Between blocks the channels are halved, and in images
each side too. Inputs that are no images go through linear layers in place of convolutions.
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
    """Blocks in which each layer sees the outputs of all before it, laid side by side."""

    label: ClassVar[str] = "dense net"

    blocks: Annotated[int, Knob(1, 4, "blocks; each but the last halves what it found")] = 2
    depth: Annotated[int, Knob(1, 50, "layers in each block")] = 3
    growth: Annotated[int, Knob(1, 256, "channels that each layer adds", scale="log")] = 8
    activation: Annotated[str, ACTIVATION] = "relu"
    normalization: Annotated[Normalization, Note("what precedes each activation")] = field(
        default_factory=NoNormalization
    )
    initialization: Annotated[Initialization, Note("how the weights start")] = field(
        default_factory=He
    )

    def network(
        self, input_shape: tuple[int, ...], outputs: int, rng: torch.Generator
    ) -> nn.Module:
        images = len(input_shape) == 3
        if images:
            check_images(input_shape, "dense net")
        size = 2 * self.growth
        layers: list[nn.Module] = [] if images or len(input_shape) == 1 else [nn.Flatten()]
        first = input_shape[0] if images else math.prod(input_shape)
        layers.append(self._layer(first, size, rng, kernel=3 if images else 0))
        for block in range(self.blocks):
            for _ in range(self.depth):
                branch = self._activated(size, self.growth, rng, kernel=3 if images else 0)
                layers.append(Beside(nn.Sequential(*branch)))
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
        """Normalization, activation and a layer, in the order of the paper's section 3."""
        before = normalized(self.normalization, size, 2 if kernel else 0)
        activation = ACTIVATIONS[self.activation]()
        return [*before, activation, self._layer(size, channels, rng, kernel=kernel)]

    def _layer(self, size: int, channels: int, rng: torch.Generator, *, kernel: int) -> nn.Module:
        """A convolution that keeps the image's size, or for kernel 0 a linear layer."""
        layer: nn.Linear | nn.Conv2d = nn.Linear(size, channels)
        if kernel:
            layer = nn.Conv2d(size, channels, kernel, padding=kernel // 2)
        return initialized(layer, self.initialization, self.activation, rng)


class Beside(nn.Module):
    """(h, branch(h)), laid side by side along the channels."""

    def __init__(self, branch: nn.Module) -> None:
        """A dense connection around a branch."""
        super().__init__()
        self.branch = branch

    def forward(self, hidden: Tensor) -> Tensor:
        """What came in, and behind it what the branch makes of it."""
        return torch.cat([hidden, self.branch(hidden)], 1)

"""VGG, for small images: Simonyan and Zisserman, 2015, arXiv:1409.1556, table 1."""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar

import torch
from torch import nn

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import Knob, Note
from landscape_core.models.architectures.base import Architecture, check_images
from landscape_core.models.initializations.base import Initialization
from landscape_core.models.initializations.he import He
from landscape_core.models.network_blocks import ACTIVATION, ACTIVATIONS, initialized, normalized
from landscape_core.models.normalizations.base import Normalization
from landscape_core.models.normalizations.none import NoNormalization

FIRST, LAST = 64, 512
"""Channels of the first block, doubled from block to block, and their maximum."""


@dataclass(frozen=True, kw_only=True)
class VGG(Architecture):
    """VGG: blocks of 3 x 3 convolutions and max pooling, then two fully connected layers."""

    label: ClassVar[str] = "VGG"
    depth_field: ClassVar[str] = "blocks"

    blocks: Annotated[
        int, Knob(1, 5, "number of blocks; max pooling after each halves the image")
    ] = 3
    convolutions: Annotated[int, Knob(1, 4, "number of convolutions per block")] = 2
    multiplier: Annotated[
        float,
        Knob(0.01, 2.0, "width multiplier of the 64, 128, 256, 512 and 512 channels", scale="log"),
    ] = 0.25
    activation: Annotated[str, ACTIVATION] = "relu"
    normalization: Annotated[Normalization, Note("normalization after each convolution")] = field(
        default_factory=NoNormalization
    )
    initialization: Annotated[Initialization, Note("weight initialization")] = field(
        default_factory=He
    )

    def network(
        self, input_shape: tuple[int, ...], outputs: int, rng: torch.Generator
    ) -> nn.Module:
        check_images(input_shape, "VGG")
        channels, height, width = input_shape
        if min(height, width) < 2**self.blocks:
            accepted = (
                f"at most {min(height, width).bit_length() - 1} for {height} x {width} pixels"
            )
            raise SpecError("VGG.blocks", self.blocks, accepted)
        layers: list[nn.Module] = []
        for block in range(self.blocks):
            following = self._scaled(min(FIRST * 2**block, LAST))
            layers += self._block(channels, following, rng)
            channels, height, width = following, height // 2, width // 2
        hidden = nn.Linear(channels * height * width, self._scaled(LAST))
        last = nn.Linear(self._scaled(LAST), outputs)
        return nn.Sequential(
            *layers,
            nn.Flatten(),
            initialized(hidden, self.initialization, self.activation, rng),
            ACTIVATIONS[self.activation](),
            initialized(last, self.initialization, "identity", rng),
        )

    def _block(self, size: int, channels: int, rng: torch.Generator) -> list[nn.Module]:
        layers: list[nn.Module] = []
        for _ in range(self.convolutions):
            conv = nn.Conv2d(size, channels, 3, padding=1)
            layers.append(initialized(conv, self.initialization, self.activation, rng))
            layers += normalized(self.normalization, channels, 2)
            layers.append(ACTIVATIONS[self.activation]())
            size = channels
        return [*layers, nn.MaxPool2d(2)]

    def _scaled(self, channels: int) -> int:
        return max(1, round(self.multiplier * channels))

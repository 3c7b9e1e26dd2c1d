"""A convolutional network without skip connections: LeCun et al., 1989."""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar

import torch
from torch import nn

from landscape_core.foundation.recipes import Knob, Note
from landscape_core.models.architectures.base import Architecture, check_images
from landscape_core.models.initializations.base import Initialization
from landscape_core.models.initializations.he import He
from landscape_core.models.network_blocks import (
    ACTIVATION,
    ACTIVATIONS,
    initialized,
    normalized,
    stages,
)
from landscape_core.models.normalizations.base import Normalization
from landscape_core.models.normalizations.none import NoNormalization


@dataclass(frozen=True, kw_only=True)
class ConvNet(Architecture):
    """3 x 3 convolutions with two downsamplings, then global average pooling."""

    label: ClassVar[str] = "convolutional network"
    depth_field: ClassVar[str] = "depth"

    depth: Annotated[int, Knob(1, 50, "convolutions")] = 3
    channels: Annotated[
        int, Knob(1, 512, "channels of the first stage; doubled at each downsampling", scale="log")
    ] = 16
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
        check_images(input_shape, "conv_net")
        layers: list[nn.Module] = []
        size = input_shape[0]
        for channels, stride in stages(self.depth, self.channels):
            conv = nn.Conv2d(size, channels, 3, stride, padding=1)
            layers.append(initialized(conv, self.initialization, self.activation, rng))
            layers += normalized(self.normalization, channels, 2)
            layers.append(ACTIVATIONS[self.activation]())
            size = channels
        last = initialized(nn.Linear(size, outputs), self.initialization, "identity", rng)
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), last)

"""The convolutional residual network: He, Zhang, Ren and Sun, 2016, arXiv:1512.03385.

With `skips` off it has the same layers without skip connections (Li et al., 2018).
"""

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
    Residual,
    initialized,
    normalized,
    stages,
)
from landscape_core.models.normalizations.base import Normalization
from landscape_core.models.normalizations.batch import Batch


@dataclass(frozen=True, kw_only=True)
class ResNet(Architecture):
    """Convolutional blocks of two layers, with or without a skip connection around each."""

    label: ClassVar[str] = "ResNet"
    depth_field: ClassVar[str] = "depth"

    depth: Annotated[int, Knob(2, 110, "number of convolutions inside blocks, two per block")] = 6
    channels: Annotated[
        int, Knob(1, 512, "channels of the first stage; doubled at each downsampling", scale="log")
    ] = 8
    skips: Annotated[bool, Note("skip connections: add each block's input to its output")] = True
    activation: Annotated[str, ACTIVATION] = "relu"
    normalization: Annotated[Normalization, Note("normalization after each convolution")] = field(
        default_factory=Batch
    )
    initialization: Annotated[Initialization, Note("weight initialization")] = field(
        default_factory=He
    )

    def network(
        self, input_shape: tuple[int, ...], outputs: int, rng: torch.Generator
    ) -> nn.Module:
        check_images(input_shape, "ResNet")
        size = self.channels
        layers = [*self._conv(input_shape[0], size, 1, rng), ACTIVATIONS[self.activation]()]
        for channels, stride in stages(self.depth // 2, self.channels):
            layers.append(self._block(size, channels, stride, rng))
            size = channels
        last = initialized(nn.Linear(size, outputs), self.initialization, "identity", rng)
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), last)

    def _block(self, size: int, channels: int, stride: int, rng: torch.Generator) -> nn.Module:
        branch = nn.Sequential(
            *self._conv(size, channels, stride, rng),
            ACTIVATIONS[self.activation](),
            *self._conv(channels, channels, 1, rng),
        )
        shortcut: nn.Module | None = None
        if stride != 1 or size != channels:
            project = nn.Conv2d(size, channels, 1, stride, bias=False)
            shortcut = initialized(project, self.initialization, "identity", rng)
        return Residual(branch, self.activation, skips=self.skips, shortcut=shortcut)

    def _conv(self, size: int, channels: int, stride: int, rng: torch.Generator) -> list[nn.Module]:
        conv = nn.Conv2d(size, channels, 3, stride, padding=1, bias=False)
        initialized(conv, self.initialization, self.activation, rng)
        return [conv, *normalized(self.normalization, channels, 2)]

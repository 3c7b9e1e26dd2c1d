"""ResNeXt: Xie, Girshick, Dollár, Tu and He, 2017, arXiv:1611.05431, figure 3(c).

A block of three convolutions, 1 x 1, 3 x 3 in groups and 1 x 1, is the sum of as many narrow
branches as there are groups, the cardinality. Here the bottleneck has half of the block's channels,
as in the paper's ResNeXt-50 (32x4d).
"""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar

import torch
from torch import nn

from landscape_core.foundation.errors import SpecError
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
class ResNeXt(Architecture):
    """Residual blocks of convolutions in groups: many narrow branches, summed."""

    label: ClassVar[str] = "ResNeXt"
    depth_field: ClassVar[str] = "depth"

    depth: Annotated[int, Knob(3, 165, "number of convolutions inside blocks, three per block")] = 9
    channels: Annotated[
        int, Knob(2, 512, "channels of the first stage; doubled at each downsampling", scale="log")
    ] = 16
    groups: Annotated[
        int, Knob(1, 256, "number of groups of each 3 x 3 convolution (cardinality)", scale="log")
    ] = 4
    skips: Annotated[bool, Note("skip connections: add each block's input to its output")] = True
    activation: Annotated[str, ACTIVATION] = "relu"
    normalization: Annotated[Normalization, Note("normalization after each convolution")] = field(
        default_factory=Batch
    )
    initialization: Annotated[Initialization, Note("weight initialization")] = field(
        default_factory=He
    )

    def check(self) -> None:
        """Refuse groups that do not share the channels of the bottleneck evenly."""
        if self.channels % (2 * self.groups):
            accepted = f"a multiple of twice the number of groups, {2 * self.groups}"
            raise SpecError("ResNeXt.channels", self.channels, accepted)

    def network(
        self, input_shape: tuple[int, ...], outputs: int, rng: torch.Generator
    ) -> nn.Module:
        check_images(input_shape, "ResNeXt")
        size = self.channels
        layers = [*self._conv(input_shape[0], size, rng), ACTIVATIONS[self.activation]()]
        for channels, stride in stages(self.depth // 3, self.channels):
            layers.append(self._block(size, channels, stride, rng))
            size = channels
        last = initialized(nn.Linear(size, outputs), self.initialization, "identity", rng)
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), last)

    def _block(self, size: int, channels: int, stride: int, rng: torch.Generator) -> nn.Module:
        inner = channels // 2
        branch = nn.Sequential(
            *self._conv(size, inner, rng, kernel=1),
            ACTIVATIONS[self.activation](),
            *self._conv(inner, inner, rng, stride=stride, groups=self.groups),
            ACTIVATIONS[self.activation](),
            *self._conv(inner, channels, rng, kernel=1),
        )
        shortcut: nn.Module | None = None
        if stride != 1 or size != channels:
            project = nn.Conv2d(size, channels, 1, stride, bias=False)
            shortcut = initialized(project, self.initialization, "identity", rng)
        return Residual(branch, self.activation, skips=self.skips, shortcut=shortcut)

    def _conv(
        self, size: int, channels: int, rng: torch.Generator, *,
        kernel: int = 3, stride: int = 1, groups: int = 1,
    ) -> list[nn.Module]:  # fmt: skip
        conv = nn.Conv2d(
            size, channels, kernel, stride, padding=kernel // 2, groups=groups, bias=False
        )
        initialized(conv, self.initialization, self.activation, rng)
        return [conv, *normalized(self.normalization, channels, 2)]

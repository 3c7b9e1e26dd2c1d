"""Instance normalization: Ulyanov, Vedaldi and Lempitsky, 2016, arXiv:1607.08022."""

from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from landscape_core.foundation.errors import SpecError
from landscape_core.models.normalizations.base import Normalization


@dataclass(frozen=True, kw_only=True)
class Instance(Normalization):
    """Instance normalization: per example and channel over spatial positions; images only."""

    label: ClassVar[str] = "instance"

    def layer(self, channels: int, spatial: int) -> nn.Module:
        if not spatial:
            accepted = "a convolutional layer, as a unit of a linear layer has a single position"
            raise SpecError("the layer before instance normalization", "a linear layer", accepted)
        return nn.InstanceNorm2d(channels, affine=True)

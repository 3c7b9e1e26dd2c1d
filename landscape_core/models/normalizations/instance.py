"""Instance normalization: Ulyanov, Vedaldi and Lempitsky, 2016, arXiv:1607.08022."""

from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from landscape_core.foundation.errors import SpecError
from landscape_core.models.normalizations.base import Normalization


@dataclass(frozen=True, kw_only=True)
class Instance(Normalization):
    """Each channel of each example over its places; for images alone."""

    label: ClassVar[str] = "instance"

    def layer(self, channels: int, spatial: int) -> nn.Module:
        if not spatial:
            accepted = "a network that keeps images: a unit of a linear layer has a single place"
            raise SpecError("what instance normalization follows", "a linear layer", accepted)
        return nn.InstanceNorm2d(channels, affine=True)

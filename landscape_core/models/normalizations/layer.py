"""Layer normalization: Ba, Kiros and Hinton, 2016, arXiv:1607.06450."""

from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from landscape_core.models.normalizations.base import Normalization


@dataclass(frozen=True, kw_only=True)
class Layer(Normalization):
    """Layer normalization: per example over all channels (and spatial positions)."""

    label: ClassVar[str] = "layer"

    def layer(self, channels: int, spatial: int) -> nn.Module:
        return nn.GroupNorm(1, channels) if spatial else nn.LayerNorm(channels)

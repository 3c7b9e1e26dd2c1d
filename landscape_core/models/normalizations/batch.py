"""Batch normalization: Ioffe and Szegedy, 2015, arXiv:1502.03167."""

from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from landscape_core.models.normalizations.base import Normalization


@dataclass(frozen=True, kw_only=True)
class Batch(Normalization):
    """Batch normalization: per channel over the batch; running statistics in evaluation."""

    label: ClassVar[str] = "batch"

    def layer(self, channels: int, spatial: int) -> nn.Module:
        return nn.BatchNorm2d(channels) if spatial == 2 else nn.BatchNorm1d(channels)

"""No normalization."""

from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from landscape_core.models.normalizations.base import Normalization


@dataclass(frozen=True, kw_only=True)
class NoNormalization(Normalization):
    """No normalization."""

    label: ClassVar[str] = "none"

    def layer(self, channels: int, spatial: int) -> nn.Module:
        del channels, spatial
        return nn.Identity()

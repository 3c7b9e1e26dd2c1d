"""What a normalization is: a recipe that builds the layer to put behind a linear one."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch import nn

from landscape_core.recipes import Recipe


@dataclass(frozen=True, kw_only=True)
class Normalization(Recipe, ABC):
    """A normalization layer."""

    @abstractmethod
    def layer(self, channels: int, spatial: int) -> nn.Module:
        """The layer for outputs (N, channels) if spatial is 0, (N, channels, H, W) if it is 2."""

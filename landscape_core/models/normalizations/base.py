"""The base class of normalizations: a layer after a linear one, or a weight reparametrization."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from landscape_core.foundation.recipes import Recipe


@dataclass(frozen=True, kw_only=True)
class Normalization(Recipe, ABC):
    """Normalization of layer outputs, or reparametrization of weights.

    `last`: whether the output layer's weight is reparametrized too.
    """

    last: ClassVar[bool] = False

    @abstractmethod
    def layer(self, channels: int, spatial: int) -> nn.Module:
        """Return the layer for (N, channels) if spatial is 0, (N, channels, H, W) if it is 2."""

    def reparametrize(self, layer: nn.Module) -> None:
        """Reparametrize the weight of a linear or convolutional layer in place."""

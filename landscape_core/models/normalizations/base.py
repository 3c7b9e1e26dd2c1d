"""What a normalization is: a layer behind a linear one, or another form of that one's weight."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from landscape_core.foundation.recipes import Recipe


@dataclass(frozen=True, kw_only=True)
class Normalization(Recipe, ABC):
    """How the outputs of layers, or their weights, are kept in scale.

    `last` says whether the output layer's weight takes another form as well.
    """

    last: ClassVar[bool] = False

    @abstractmethod
    def layer(self, channels: int, spatial: int) -> nn.Module:
        """The layer for outputs (N, channels) if spatial is 0, (N, channels, H, W) if it is 2."""

    def reparametrize(self, layer: nn.Module) -> None:
        """Let a linear or convolutional layer hold its weight in another form, in place."""

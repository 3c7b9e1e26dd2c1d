"""What an initialization is: a recipe that fills the weights of a layer."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from landscape_core.foundation.recipes import Recipe


@dataclass(frozen=True, kw_only=True)
class Initialization(Recipe, ABC):
    """How the weights of linear and convolutional layers start."""

    @abstractmethod
    def fill(self, weight: Tensor, activation: str, rng: torch.Generator) -> None:
        """Fill a weight (out, in, ...) in place for a layer followed by that activation."""

    def fill_bias(self, bias: Tensor, weight: Tensor, rng: torch.Generator) -> None:
        """Fill a bias in place; zero unless the scheme says otherwise."""
        del weight, rng
        with torch.no_grad():
            bias.zero_()

    def settle(
        self, network: nn.Module, input_shape: tuple[int, ...], rng: torch.Generator
    ) -> None:
        """Change the weights in place once the network for (N, *input_shape) is whole."""


def fans(weight: Tensor) -> tuple[int, int]:
    """How many numbers go into a unit and how many units one goes to, kernel size included."""
    return weight[0].numel(), weight.shape[0] * weight[0, 0].numel()

"""The base class of weight initializations."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from landscape_core.foundation.recipes import Recipe


@dataclass(frozen=True, kw_only=True)
class Initialization(Recipe, ABC):
    """Initialization of the weights of linear and convolutional layers."""

    @abstractmethod
    def fill(self, weight: Tensor, activation: str, rng: torch.Generator) -> None:
        """Initialize a weight (out, in, ...) in place, for a layer followed by this activation."""

    def fill_bias(self, bias: Tensor, weight: Tensor, rng: torch.Generator) -> None:
        """Initialize a bias in place; zero by default."""
        del weight, rng
        with torch.no_grad():
            bias.zero_()

    def settle(
        self, network: nn.Module, input_shape: tuple[int, ...], rng: torch.Generator
    ) -> None:
        """Adjust the weights in place after the network for (N, *input_shape) is complete."""

    def settle_on(self, network: nn.Module, inputs: Tensor, rng: torch.Generator) -> None:
        """Adjust the weights in place where training inputs (N, ...) are known; else `settle`."""
        self.settle(network, tuple(inputs.shape[1:]), rng)


def fans(weight: Tensor) -> tuple[int, int]:
    """The fan-in and fan-out of a weight, including the kernel size."""
    return weight[0].numel(), weight.shape[0] * weight[0, 0].numel()

"""Fixup: Zhang, Dauphin and Ma, 2019, arXiv:1901.09321, section 3.

Steps 1 and 2 of the paper's method. The last layer of the network and the last of each residual
branch are initialized with zeros; with L branches, the other layers of a branch of k layers use He
initialization times L^(−1/(2k − 2)). The change of the outputs in an optimizer step is then
independent of depth. Step 3, a scalar bias before each layer and activation and a scalar multiplier
in each branch, is omitted, because an initialization adds no parameters. Linear layers here have
their own biases; the convolutions of a ResNet have none.

Intended for blocks without normalization. A branch is a submodule named `branch`, and k the number
of linear and convolutional layers in it. A block without skip connection has no residual branch:
with zero weights its output would be zero.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from landscape_core.models.initializations.base import Initialization, fans


@dataclass(frozen=True, kw_only=True)
class Fixup(Initialization):
    """He initialization, scaled down in residual branches, for deep nets without normalization."""

    label: ClassVar[str] = "Fixup"

    def fill(self, weight: Tensor, activation: str, rng: torch.Generator) -> None:
        del activation
        with torch.no_grad():
            weight.normal_(0.0, math.sqrt(2.0 / fans(weight)[0]), generator=rng)

    def settle(
        self, network: nn.Module, input_shape: tuple[int, ...], rng: torch.Generator
    ) -> None:
        del input_shape, rng
        branches = [found for branch in _branches(network) if (found := _layers(branch))]
        with torch.no_grad():
            for layers in branches:
                for layer in layers[:-1]:
                    layer.weight.mul_(len(branches) ** (-1 / (2 * len(layers) - 2)))
                layers[-1].weight.zero_()
            _layers(network)[-1].weight.zero_()


def _branches(network: nn.Module) -> Iterator[nn.Module]:
    """The branches of all blocks with a skip connection."""
    for module in network.modules():
        if vars(module).get("skips", True):
            yield from (part for name, part in module.named_children() if name == "branch")


def _layers(part: nn.Module) -> list[nn.Linear | nn.Conv2d]:
    return [one for one in part.modules() if isinstance(one, nn.Linear | nn.Conv2d)]

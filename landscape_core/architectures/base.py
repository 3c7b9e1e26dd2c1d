"""What an architecture is: a recipe that builds an initialized network."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import nn

from landscape_core.errors import SpecError
from landscape_core.recipes import Recipe


@dataclass(frozen=True, kw_only=True)
class Architecture(Recipe, ABC):
    """A network's shape and initialization."""

    @abstractmethod
    def build(self, input_shape: tuple[int, ...], outputs: int, rng: torch.Generator) -> nn.Module:
        """A network from (N, *input_shape) to (N, outputs), float32, every value drawn from rng.

        Raises:
            SpecError: the network cannot take inputs of that shape; says which shapes it can.
        """


def check_images(shape: tuple[int, ...], network: str) -> None:
    """Raise `SpecError` unless inputs are images of at least 4 x 4 pixels."""
    if len(shape) != 3 or min(shape[1:]) < 4:
        accepted = f"(channels, height, width) of at least 4 x 4 for a {network}"
        raise SpecError("the shape of the inputs", shape, accepted)

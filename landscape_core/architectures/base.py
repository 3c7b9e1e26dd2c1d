"""What an architecture is: a recipe that builds an initialized network."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import nn

from landscape_core.recipes import Recipe


@dataclass(frozen=True, kw_only=True)
class Architecture(Recipe, ABC):
    """A network's shape and initialization."""

    @abstractmethod
    def build(
        self, input_shape: tuple[int, ...], outputs: int, rng: torch.Generator
    ) -> nn.Module:
        """A network from (N, *input_shape) to (N, outputs), float32, every value drawn from rng.

        Raises:
            SpecError: the network cannot take inputs of that shape; says which shapes it can.
        """

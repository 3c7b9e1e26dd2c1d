"""What an architecture is: a recipe that builds an initialized network."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

import torch
from torch import nn

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import Recipe, fields_of
from landscape_core.models.initializations.base import Initialization
from landscape_core.models.normalizations.base import Normalization


@dataclass(frozen=True, kw_only=True)
class Architecture(Recipe, ABC):
    """A network's shape and initialization."""

    @final
    def build(self, input_shape: tuple[int, ...], outputs: int, rng: torch.Generator) -> nn.Module:
        """A network from (N, *input_shape) to (N, outputs), float32, every value drawn from rng.

        Raises:
            SpecError: the network cannot take inputs of that shape; says which shapes it can.
        """
        network = self.network(input_shape, outputs, rng)
        parts = [getattr(self, field.name) for field in fields_of(type(self))]
        for part in parts:
            if isinstance(part, Initialization):
                part.settle(network, input_shape, rng)
        layers = [one for one in network.modules() if isinstance(one, nn.Linear | nn.Conv2d)]
        for part in parts:
            if isinstance(part, Normalization):
                for layer in layers if part.last else layers[:-1]:
                    part.reparametrize(layer)
        return network

    @abstractmethod
    def network(
        self, input_shape: tuple[int, ...], outputs: int, rng: torch.Generator
    ) -> nn.Module:
        """What `build` gives, before initialization and normalization see it whole."""


def check_images(shape: tuple[int, ...], network: str) -> None:
    """Raise `SpecError` unless inputs are images of at least 4 x 4 pixels."""
    if len(shape) != 3 or min(shape[1:]) < 4:
        accepted = f"(channels, height, width) of at least 4 x 4 for a {network}"
        raise SpecError("the shape of the inputs", shape, accepted)

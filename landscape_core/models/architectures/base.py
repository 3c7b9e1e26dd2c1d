"""The base class of network architectures: recipes that build an initialized network."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor, nn

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import Recipe, fields_of
from landscape_core.models.initializations.base import Initialization
from landscape_core.models.normalizations.base import Normalization


@dataclass(frozen=True, kw_only=True)
class Architecture(Recipe, ABC):
    """A network architecture and its weight initialization."""

    depth_field: ClassVar[str] = ""
    """The field that says how many layers or blocks there are; empty: the depth is fixed."""

    @final
    def build(
        self, input_shape: tuple[int, ...], outputs: int, rng: torch.Generator,
        inputs: Tensor | None = None,
    ) -> nn.Module:  # fmt: skip
        """Build a float32 network from (N, *input_shape) to (N, outputs), initialized with rng.

        Initializations that scale layers on data do so on the training inputs (N, ...), if given.

        Raises:
            SpecError: the network does not accept inputs of this shape; names the accepted shapes.
        """
        network = self.network(input_shape, outputs, rng)
        parts = [getattr(self, field.name) for field in fields_of(type(self))]
        for part in parts:
            if not isinstance(part, Initialization):
                continue
            if inputs is None:
                part.settle(network, input_shape, rng)
            else:
                part.settle_on(network, inputs, rng)
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
        """Build the network before initialization and normalization of the whole."""


def check_images(shape: tuple[int, ...], network: str) -> None:
    """Raise `SpecError` unless inputs are images of at least 4 x 4 pixels."""
    if len(shape) != 3 or min(shape[1:]) < 4:
        accepted = f"(channels, height, width) of at least 4 x 4 for a {network}"
        raise SpecError("the shape of the inputs", shape, accepted)

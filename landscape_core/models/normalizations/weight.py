"""Weight normalization: Salimans and Kingma, 2016, arXiv:1602.07868, equation 2."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import register_parametrization

from landscape_core.models.normalizations.base import Normalization


@dataclass(frozen=True, kw_only=True)
class Weight(Normalization):
    """Each filter as a length and a direction, w = g v / |v|; at the start the plain network."""

    label: ClassVar[str] = "weight"

    def layer(self, channels: int, spatial: int) -> nn.Module:
        del channels, spatial
        return nn.Identity()

    def reparametrize(self, layer: nn.Module) -> None:
        register_parametrization(layer, "weight", LengthAndDirection())


class LengthAndDirection(nn.Module):
    """g v / |v| for each filter, as `torch.nn.utils.parametrizations.weight_norm` has it.

    That one calls a kernel which `torch.func.vmap` cannot take to many points at once.
    """

    def forward(self, length: Tensor, direction: Tensor) -> Tensor:
        """The weight (out, in, ...) by lengths (out, 1, ...) and directions in its own shape."""
        return length * direction / _lengths(direction)

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """The length and the direction that a weight starts with."""
        return _lengths(weight), weight


def _lengths(weight: Tensor) -> Tensor:
    return torch.linalg.vector_norm(weight, dim=tuple(range(1, weight.ndim)), keepdim=True)

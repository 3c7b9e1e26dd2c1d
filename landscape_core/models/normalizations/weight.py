"""Weight normalization: Salimans and Kingma, 2016, arXiv:1602.07868, equation 2."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import register_parametrization

from landscape_core.models.normalizations.base import Normalization


@dataclass(frozen=True, kw_only=True)
class Weight(Normalization):
    """Weight normalization: each filter as norm and direction, w = g v / ‖v‖."""

    label: ClassVar[str] = "weight"

    def layer(self, channels: int, spatial: int) -> nn.Module:
        del channels, spatial
        return nn.Identity()

    def reparametrize(self, layer: nn.Module) -> None:
        register_parametrization(layer, "weight", LengthAndDirection())


class LengthAndDirection(nn.Module):
    """Compute g v / ‖v‖ per filter, as `torch.nn.utils.parametrizations.weight_norm` does.

    PyTorch's version calls a kernel that `torch.func.vmap` does not support.
    """

    def forward(self, length: Tensor, direction: Tensor) -> Tensor:
        """Return the weight (out, in, ...) from norms (out, 1, ...) and directions."""
        return length * direction / _lengths(direction)

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Return the norm and the direction of a weight."""
        return _lengths(weight), weight


def _lengths(weight: Tensor) -> Tensor:
    return torch.linalg.vector_norm(weight, dim=tuple(range(1, weight.ndim)), keepdim=True)

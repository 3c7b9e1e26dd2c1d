"""Between the buffers of a network and one vector, as trajectories record them."""

from collections.abc import Mapping

import torch
from torch import Tensor

from landscape_core.foundation.types import Vector


def flat_of(buffers: Mapping[str, Tensor]) -> Vector:
    """The buffers end to end, in float64; a complex number as its real and its imaginary part."""
    return torch.cat([_real(buffer).double().reshape(-1) for buffer in buffers.values()])


def named_buffers_of(flat: Vector, like: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The buffers that lie end to end in a vector, by name, each in the shape and type of `like`.

    Raises:
        ValueError: a vector of another length.
    """
    reals = {name: _real(buffer) for name, buffer in like.items()}
    sizes = [buffer.numel() for buffer in reals.values()]
    if sum(sizes) != len(flat):
        raise ValueError(f"the network's buffers hold {sum(sizes)} numbers; got {len(flat)}.")
    found = {}
    for (name, buffer), piece in zip(reals.items(), flat.split(sizes), strict=True):
        values = piece.to(buffer).view(buffer.shape)
        found[name] = torch.view_as_complex(values) if like[name].is_complex() else values
    return found


def _real(buffer: Tensor) -> Tensor:
    """Complex numbers as pairs of real ones."""
    return torch.view_as_real(buffer.resolve_conj()) if buffer.is_complex() else buffer

"""Between the buffers of a network and one vector, as trajectories record them."""

from collections.abc import Mapping

from torch import Tensor

from landscape_core.foundation.types import Vector


def named_buffers_of(flat: Vector, like: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The buffers that lie end to end in a vector, by name, each in the shape and type of `like`.

    Raises:
        ValueError: a vector of another length.
    """
    sizes = [buffer.numel() for buffer in like.values()]
    if sum(sizes) != len(flat):
        raise ValueError(f"the network's buffers hold {sum(sizes)} numbers; got {len(flat)}.")
    return {
        name: piece.to(buffer).view(buffer.shape)
        for (name, buffer), piece in zip(like.items(), flat.split(sizes), strict=True)
    }

"""Losses whose tensors are moved to another device or converted to another type."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from landscape_core.models.copying import copied
from landscape_core.models.loss_function import LossFunction, Weighted


def move_loss(
    loss: LossFunction, device: str | torch.device, dtype: torch.dtype | None = None
) -> LossFunction:
    """A loss of the user's with its tensors, if it has any, on a device: changed in place.

    So a loss that holds the network goes on holding it. Real numbers with a fraction are converted
    to the type, if there is one.
    """
    if isinstance(loss, Weighted):
        return Weighted(move_loss(loss.loss_function, device, dtype), loss.weights.to(device))
    return loss._apply(_moving(device, dtype)) if isinstance(loss, nn.Module) else loss


def loss_on(
    loss: LossFunction, device: str | torch.device, dtype: torch.dtype | None = None
) -> LossFunction:
    """The loss with its tensors, if it has any, on a device; copied only where they are not.

    Real numbers with a fraction are converted to the type, if there is one.
    """
    if isinstance(loss, Weighted):
        return Weighted(loss_on(loss.loss_function, device, dtype), loss.weights.to(device))
    if not isinstance(loss, nn.Module):
        return loss
    moved = _moving(device, dtype)
    if all(moved(one) is one for one in (*loss.parameters(), *loss.buffers())):
        return loss
    return copied(loss)._apply(moved)


def _moving(device: str | torch.device, dtype: torch.dtype | None) -> Callable[[Tensor], Tensor]:
    return lambda one: one.to(device, dtype if one.is_floating_point() else None)

"""The loss of a network's outputs: what it is, weighted by example, and on another device."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from landscape_core.foundation.errors import SpecError
from landscape_core.models.copying import copied
from landscape_core.models.installed import home_of

LossFunction = Callable[[Tensor, Tensor], Tensor]
"""(outputs, targets) -> the loss of each example `(N,)`, or their mean as a scalar."""


@dataclass(frozen=True, eq=False)
class Weighted:
    """Each example's loss times its weight."""

    loss_function: LossFunction
    weights: Tensor

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        losses = loss_values(self.loss_function, outputs, targets)
        if losses.shape != self.weights.shape:
            accepted = f"{tuple(self.weights.shape)}, one number for each weighted example"
            raise SpecError("the shape of the losses", tuple(losses.shape), accepted)
        return losses * self.weights

    def of(self, some: Tensor | slice) -> "Weighted":
        """The loss of some of the examples, by their indices."""
        return Weighted(self.loss_function, self.weights[some])


def loss_values(loss: LossFunction, outputs: Tensor, targets: Tensor) -> Tensor:
    """What a loss gives; a function of the user's has outputs of its own, which it may write to.

    Raises:
        SpecError: that is no tensor.
    """
    found: object = loss(outputs if is_known(loss) else outputs.clone(), targets)
    if not isinstance(found, Tensor):
        accepted = "a tensor: one value per example, or their mean"
        raise SpecError("what the loss gives", type(found).__name__, accepted)
    return found


def is_known(loss: LossFunction) -> bool:
    """Whether a loss is one of torch or of the catalogue, which leave outputs as they are."""
    if isinstance(loss, Weighted):
        return is_known(loss.loss_function)
    return home_of(loss).partition(".")[0] in ("torch", "landscape_core")


def move_loss(
    loss: LossFunction, device: str | torch.device, dtype: torch.dtype | None = None
) -> LossFunction:
    """A loss of one's own with its tensors, if it has any, on a device: changed in place.

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

"""The loss of a network's outputs: what it is, and weighted by example."""

from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType

from torch import Tensor

from landscape_core.foundation.errors import SpecError
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

    Of a loss of torch with `reduction="none"` the mean of all elements is what torch's own "mean"
    is. Of several values per example of a user's function no one knows whether their mean or their
    sum is meant.

    Raises:
        SpecError: that is no tensor, or a user's function gives several values per example.
    """
    return as_values(loss(outputs if is_library_loss(loss) else outputs.clone(), targets), loss)


def as_values(found: object, loss: LossFunction) -> Tensor:
    """What a loss has given, where it is one value per example or their mean.

    Raises:
        SpecError: it is neither.
    """
    if not isinstance(found, Tensor):
        accepted = "a tensor: one value per example, or their mean"
        raise SpecError("what the loss gives", type(found).__name__, accepted)
    if found.ndim > 1 and found.numel() != len(found) and not is_library_loss(loss):
        accepted = (
            "one value per example or their mean, for instance .flatten(1).mean(1) or"
            " .flatten(1).sum(1) of this, whichever is meant"
        )
        raise SpecError("what the loss gives", f"shape {tuple(found.shape)}", accepted)
    return found


def with_gradient(value: Tensor) -> Tensor:
    """The value of a loss, which torch can differentiate.

    Raises:
        SpecError: it has no gradient.
    """
    if not value.requires_grad:
        accepted = "a value that torch can differentiate by the parameters"
        raise SpecError("what the loss gives", "one without a gradient", accepted)
    return value


def is_library_loss(loss: LossFunction) -> bool:
    """Whether a loss is one of torch or of the catalogue, which leave outputs as they are.

    A function of a user's in a decorator of torch is none.
    """
    if isinstance(loss, Weighted):
        return is_library_loss(loss.loss_function)
    wrapped = vars(loss).get("__wrapped__") if isinstance(loss, FunctionType) else None
    ours = home_of(loss).partition(".")[0] in ("torch", "landscape_core")
    return ours and (wrapped is None or is_library_loss(wrapped))

"""Networks that differentiate within their `forward`, as those of physics and of energies do."""

from collections.abc import Callable

import torch
from torch import Tensor

from landscape_core.foundation.errors import SpecError

NEEDED = "does not require grad"
"""What torch says of a derivative that nothing was recorded for."""

OF_VALUES = (
    "one that differentiates with respect to inputs or hidden values alone: leave out backward()"
    " and gradients of the parameters, which GradientNorm and the like measure"
)


def needs_gradients(error: RuntimeError) -> bool:
    """Whether an error is that of a derivative asked for without gradients."""
    return NEEDED in str(error)


def without_gradients(call: Callable[[], Tensor]) -> Tensor:
    """What a call gives without gradients or, where it fails without, with them, detached.

    Raises:
        SpecError: it differentiates with respect to the parameters, which are none of its own.
    """
    try:
        with torch.no_grad():
            return call()
    except RuntimeError as error:
        if not needs_gradients(error):
            raise
    try:
        with torch.enable_grad():
            return call().detach()
    except RuntimeError as error:
        if not needs_gradients(error):
            raise
        told = "one that differentiates with respect to the parameters"
        raise SpecError("the network, loss or objective", told, OF_VALUES) from error


def as_recorded(call: Callable[[], Tensor]) -> Tensor:
    """What a call gives, differentiable where gradients are recorded, else as without them."""
    return call() if torch.is_grad_enabled() else without_gradients(call)

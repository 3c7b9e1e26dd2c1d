"""Networks that differentiate within their `forward`, as those of physics and of energies do."""

from collections.abc import Callable

import torch
from torch import Tensor

NEEDED = "does not require grad"
"""What torch says of a derivative that nothing was recorded for."""


def needs_gradients(error: RuntimeError) -> bool:
    """Whether an error is that of a derivative asked for without gradients."""
    return NEEDED in str(error)


def without_gradients(call: Callable[[], Tensor]) -> Tensor:
    """What a call gives without gradients or, where it fails without, with them, detached."""
    try:
        with torch.no_grad():
            return call()
    except RuntimeError as error:
        if not needs_gradients(error):
            raise
    with torch.enable_grad():
        return call().detach()


def as_recorded(call: Callable[[], Tensor]) -> Tensor:
    """What a call gives, differentiable where gradients are recorded, else as without them."""
    return call() if torch.is_grad_enabled() else without_gradients(call)

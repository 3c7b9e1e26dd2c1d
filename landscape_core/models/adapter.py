"""From what a network gives, a tuple or a dictionary, to the tensor of outputs."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from landscape_core.foundation.errors import SpecError

Adapter = Callable[[Any], Tensor]
"""From what a network gives, a tuple or a dictionary, to the outputs that the loss takes."""


def outputs_in(found: Any, adapter: Adapter | None) -> Tensor:
    """The outputs in what a network gave.

    Raises:
        SpecError: they are not, and no adapter has taken one out.
    """
    outputs: object = adapter(found) if adapter else found
    if not torch.is_tensor(outputs):
        accepted = "a tensor; give adapter=, a function that takes it out of what the model gives"
        raise SpecError("the model's output", type(outputs).__name__, accepted)
    return outputs

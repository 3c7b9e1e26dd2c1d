"""From what a network gives, a tuple or a dictionary, to the tensor of outputs."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from landscape_core.foundation.errors import SpecError

Adapter = Callable[[Any], Tensor]
"""From what a network gives, a tuple or a dictionary, to the outputs that the loss takes."""

OUTPUT = "the model's output"
"""What an error calls what a network gives."""

TAKES = "a function that takes it out of what the model gives"

REST = (
    f"a tensor here, as adapter= is {TAKES}; landscape, spectrum and convexity also evaluate a loss"
    " of all that it gives"
)
"""What is accepted where an adapter gives no tensor."""


def outputs_in(found: Any, adapter: Adapter | None) -> Tensor:
    """The outputs in what a network gave.

    Raises:
        SpecError: they are not, and no adapter has taken one out.
    """
    outputs: object = adapter(found) if adapter else found
    if not torch.is_tensor(outputs):
        accepted = REST if adapter else f"a tensor; give adapter=, {TAKES}"
        raise SpecError(OUTPUT, type(outputs).__name__, accepted)
    return outputs

"""A measure defined by a user's function."""

import numbers
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor

from landscape_core.foundation.errors import SpecError
from landscape_core.models.measures.base import Answers, OutputMeasure
from landscape_core.models.module_state import rewound

ACCEPTED = "a scalar, or a tensor with one value per example"


class UserMeasure(OutputMeasure):
    """The mean of function(outputs (N, ...), targets): a scalar, or one value per example."""

    usual: ClassVar[bool] = False

    def __init__(self, function: Callable[[Tensor, Tensor], Any]) -> None:
        """Hold the function; it is called with all examples, one point at a time."""
        object.__setattr__(self, "function", function)

    function: Callable[[Tensor, Tensor], Any]

    def read(self, outputs: Tensor, answers: Answers) -> Tensor:
        """Return the value; the function receives copies of outputs and targets.

        Raises:
            SpecError: the function returns neither a scalar nor a tensor of one value per example.
        """
        with rewound(self.function):
            found = self.function(outputs.clone(), answers.targets.clone())
        if isinstance(found, Tensor):
            if found.ndim > 1 and found.numel() != len(found):
                raise SpecError("the value of a measure", f"shape {tuple(found.shape)}", ACCEPTED)
            return found.to(outputs.dtype).mean()
        if not isinstance(found, numbers.Real):
            raise SpecError("the value of a measure", type(found).__name__, ACCEPTED)
        return torch.as_tensor(float(found)).to(outputs)

"""A measure that is the user's own function."""

import numbers
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor

from landscape_core.foundation.errors import SpecError
from landscape_core.models.measures.base import Answers, OutputMeasure
from landscape_core.models.module_state import rewound


class UserMeasure(OutputMeasure):
    """The mean of what a function gives for (outputs (N, ...), targets): a number, or one each."""

    usual: ClassVar[bool] = False

    def __init__(self, function: Callable[[Tensor, Tensor], Any]) -> None:
        """Hold the function; it is called with all examples of one point at a time."""
        object.__setattr__(self, "function", function)

    function: Callable[[Tensor, Tensor], Any]

    def read(self, outputs: Tensor, answers: Answers) -> Tensor:
        """The value; the function has outputs and targets of its own, to write to or to keep.

        Raises:
            SpecError: the function gives neither a number nor numbers.
        """
        with rewound(self.function):
            found = self.function(outputs.clone(), answers.targets.clone())
        if isinstance(found, Tensor):
            return found.to(outputs.dtype).mean()
        if not isinstance(found, numbers.Real):
            accepted = "a number, or a tensor of one or of one for each example"
            raise SpecError("what a measure gives", type(found).__name__, accepted)
        return torch.as_tensor(float(found)).to(outputs)

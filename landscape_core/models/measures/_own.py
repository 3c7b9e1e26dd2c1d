"""A measure that is the user's own function."""

from collections.abc import Callable
from typing import ClassVar

from torch import Tensor

from landscape_core.models.measures.base import Answers, OutputMeasure


class Own(OutputMeasure):
    """The mean of what a function gives for (outputs (N, ...), targets): a number, or one each."""

    usual: ClassVar[bool] = False

    def __init__(self, function: Callable[[Tensor, Tensor], Tensor]) -> None:
        """Hold the function; it is called with all examples of one point at a time."""
        object.__setattr__(self, "function", function)

    function: Callable[[Tensor, Tensor], Tensor]

    def read(self, outputs: Tensor, answers: Answers) -> Tensor:
        found = self.function(outputs, answers.targets)
        return found.to(outputs.dtype).mean()

"""The standard error of a mean over random draws."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from landscape_core.models.measures.base import Answers, OutputMeasure


@dataclass(frozen=True, kw_only=True)
class DrawError(OutputMeasure):
    """The standard error of the loss as a mean over random draws of a stochastic network."""

    usual: ClassVar[bool] = False
    is_mean: ClassVar[bool] = False

    def read(self, outputs: Tensor, answers: Answers) -> Tensor:
        """Return zero for a single draw; the caller fills in the value for several."""
        del answers
        return outputs.new_zeros(())

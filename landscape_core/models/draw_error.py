"""How sure a mean over draws of random numbers is."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from landscape_core.models.measures.base import Answers, OutputMeasure


@dataclass(frozen=True, kw_only=True)
class DrawError(OutputMeasure):
    """The standard error of the loss as a mean over draws, which is read from several outputs."""

    usual: ClassVar[bool] = False
    is_mean: ClassVar[bool] = False

    def read(self, outputs: Tensor, answers: Answers) -> Tensor:
        """Zero for the outputs of one point: whoever makes several draws fills it in."""
        del answers
        return outputs.new_zeros(())

"""The standard deviation of the loss over examples, from which standard errors are computed."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from landscape_core.models.measures.base import Answers, OutputMeasure


@dataclass(frozen=True, kw_only=True)
class LossSpread(OutputMeasure):
    """The standard deviation of the loss over the examples (n - 1 in the denominator)."""

    usual: ClassVar[bool] = False
    is_mean: ClassVar[bool] = False

    def read(self, outputs: Tensor, answers: Answers) -> Tensor:
        return answers.losses(outputs).std(dim=-1)

"""The mean loss."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from landscape_core.models.measures.base import Answers, OutputMeasure


@dataclass(frozen=True, kw_only=True)
class LossMeasure(OutputMeasure):
    """The mean loss."""

    is_loss: ClassVar[bool] = True

    def read(self, outputs: Tensor, answers: Answers) -> Tensor:
        return answers.mean(outputs)

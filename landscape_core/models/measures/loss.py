"""The loss itself."""

from dataclasses import dataclass

from torch import Tensor

from landscape_core.models.measures.base import Answers, OutputMeasure


@dataclass(frozen=True, kw_only=True)
class LossMeasure(OutputMeasure):
    """The mean loss."""

    def read(self, outputs: Tensor, answers: Answers) -> Tensor:
        return answers.mean(outputs)

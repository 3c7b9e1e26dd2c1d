"""The share of right answers."""

from dataclasses import dataclass

from torch import Tensor

from landscape_core.models.measures.base import Answers, OutputMeasure


@dataclass(frozen=True, kw_only=True)
class Accuracy(OutputMeasure):
    """The share of examples whose predicted class is the right one."""

    def read(self, outputs: Tensor, answers: Answers) -> Tensor:
        return answers.right(outputs).mean(dim=-1)

    def applies(self, classes: int | None) -> bool:
        return classes is not None

"""Classification accuracy."""

from dataclasses import dataclass

from torch import Tensor

from landscape_core.models.measures.base import Answers, OutputMeasure


@dataclass(frozen=True, kw_only=True)
class Accuracy(OutputMeasure):
    """Accuracy: the fraction of examples classified correctly."""

    def read(self, outputs: Tensor, answers: Answers) -> Tensor:
        return answers.right(outputs).mean(dim=-1)

    def applies(self, classes: int | None) -> bool:
        return classes is not None

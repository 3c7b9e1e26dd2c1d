"""Classification error rate."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from landscape_core.models.measures.base import Answers, OutputMeasure


@dataclass(frozen=True, kw_only=True)
class Error(OutputMeasure):
    """Error rate: the fraction of examples misclassified, one minus the accuracy."""

    usual: ClassVar[bool] = False

    def read(self, outputs: Tensor, answers: Answers) -> Tensor:
        return 1 - answers.right(outputs).mean(dim=-1)

    def applies(self, classes: int | None) -> bool:
        return classes is not None

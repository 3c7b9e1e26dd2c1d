"""The share of wrong answers."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from landscape_core.models.measures.base import Answers, OutputMeasure


@dataclass(frozen=True, kw_only=True)
class Error(OutputMeasure):
    """The share of examples whose predicted class is a wrong one: one less the accuracy."""

    usual: ClassVar[bool] = False

    def read(self, outputs: Tensor, answers: Answers) -> Tensor:
        return 1 - answers.right(outputs).mean(dim=-1)

    def applies(self, classes: int | None) -> bool:
        return classes is not None

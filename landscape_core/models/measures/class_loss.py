"""The loss per class."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor
from torch.nn.functional import one_hot

from landscape_core.models.measures.base import Answers, OutputMeasure


@dataclass(frozen=True, kw_only=True)
class ClassLoss(OutputMeasure):
    """The mean loss over the examples of each class; NaN for a class without examples."""

    usual: ClassVar[bool] = False
    is_mean: ClassVar[bool] = False
    dimension: ClassVar[str] = "class"

    def read(self, outputs: Tensor, answers: Answers) -> Tensor:
        members = one_hot(answers.targets, self.size(answers.classes)).to(outputs.dtype)
        return answers.losses(outputs) @ (members / members.sum(dim=0))

    def applies(self, classes: int | None) -> bool:
        return classes is not None

    def size(self, classes: int | None) -> int:
        return classes or 0

"""The confidence of a classifier."""

from dataclasses import dataclass

from torch import Tensor

from landscape_core.models.measures.base import Answers, OutputMeasure


@dataclass(frozen=True, kw_only=True)
class Confidence(OutputMeasure):
    """The mean probability of the predicted class."""

    def read(self, outputs: Tensor, answers: Answers) -> Tensor:
        """One number a point, (...), for outputs (..., N, classes)."""
        return outputs.softmax(-1).amax(-1).mean(-1)

    def applies(self, classes: int | None) -> bool:
        """Only to classification."""
        return classes is not None

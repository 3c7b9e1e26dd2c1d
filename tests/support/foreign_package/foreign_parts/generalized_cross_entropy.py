"""Generalized cross-entropy: Zhang and Sabuncu, 2018, arXiv:1805.07836, equation 6."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from torch import Tensor

from landscape_core import Loss, SpecError
from landscape_core.foundation.recipes import Knob
from landscape_core.models.datasets.base import Split


@dataclass(frozen=True, kw_only=True)
class GeneralizedCrossEntropy(Loss):
    """Between cross-entropy (q → 0) and the mean absolute error (q = 1), for noisy labels."""

    label: ClassVar[str] = "generalized cross-entropy"

    q: Annotated[float, Knob(0.01, 1.0, "exponent q; robust to noisy labels near 1")] = 0.7

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """(1 − p^q) / q of each example, (..., N), p the probability of the right class."""
        index = targets.expand(outputs.shape[:-1]).unsqueeze(-1)
        log_p = outputs.log_softmax(-1).gather(-1, index).squeeze(-1)
        return (1 - (self.q * log_p).exp()) / self.q

    def outputs(self, data: Split) -> int:
        """One output a class."""
        if data.classes is None:
            raise SpecError("Supervised.loss", "generalized_cross_entropy", "squared_error")
        return data.classes

    def predict(self, outputs: Tensor) -> Tensor:
        """The class of the largest output, (..., N)."""
        return outputs.argmax(-1)

    def probabilities(self, outputs: Tensor) -> Tensor:
        """The softmax of the outputs, (..., N, classes)."""
        return outputs.softmax(-1)

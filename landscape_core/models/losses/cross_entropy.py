"""Cross-entropy of softmax probabilities: Bridle, 1990."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor
from torch.nn.functional import cross_entropy

from landscape_core.foundation.errors import SpecError
from landscape_core.models.class_signs import check_classes
from landscape_core.models.datasets.base import Split
from landscape_core.models.losses.base import Loss


@dataclass(frozen=True, kw_only=True)
class CrossEntropy(Loss):
    """Cross-entropy: negative log-likelihood of the correct class under softmax probabilities."""

    label: ClassVar[str] = "cross-entropy"

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return -log softmax(outputs)[target] of each example, (..., N)."""
        if outputs.ndim == 2:
            return cross_entropy(outputs, targets, reduction="none")
        # Many points at once lie with their examples last: along their rows this is much faster.
        rows, classes = (outputs.mT, -2) if outputs.mT.is_contiguous() else (outputs, -1)
        index = targets.expand(outputs.shape[:-1]).unsqueeze(classes)
        return -rows.log_softmax(classes).gather(classes, index).squeeze(classes)

    def check_targets(self, targets: Tensor, outputs: Tensor) -> None:
        """Refuse labels that are not the classes from 0 on, or not of the shape of the outputs."""
        check_classes(targets, outputs)

    def outputs(self, data: Split) -> int:
        """One output per class."""
        if data.classes is None:
            raise SpecError(
                "Supervised.loss", "cross_entropy", "squared_error for regression targets"
            )
        return data.classes

    def predict(self, outputs: Tensor) -> Tensor:
        """Return the class of the largest output, (..., N)."""
        return outputs.max(dim=-1).indices  # argmax is many times slower across strides

    def probabilities(self, outputs: Tensor) -> Tensor:
        """Return the softmax of the outputs, (..., N, classes)."""
        return outputs.softmax(dim=-1)

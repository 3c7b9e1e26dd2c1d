"""The base class of loss functions: one value per example from outputs and targets."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch import Tensor

from landscape_core.foundation.recipes import Recipe
from landscape_core.models.datasets.base import Split


@dataclass(frozen=True, kw_only=True)
class Loss(Recipe, ABC):
    """A loss function per example; the objective is its mean."""

    @abstractmethod
    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the loss per example, (..., N), for outputs (..., N, C); targets (N,), (N, D)."""

    def check_targets(self, targets: Tensor, outputs: Tensor) -> None:
        """Refuse targets of a user's own that the loss would take for something else.

        Args:
            targets: all of them, (N,) or (N, D).
            outputs: the network's for a few examples, (n, ..., C).

        Raises:
            SpecError: names the shape or the values and what is accepted.
        """
        del targets, outputs

    @abstractmethod
    def outputs(self, data: Split) -> int:
        """The number of network outputs for this data.

        Raises:
            SpecError: the loss does not apply to such data.
        """

    @abstractmethod
    def predict(self, outputs: Tensor) -> Tensor:
        """Return the predicted classes, (..., N), long; for regression the outputs."""

    @abstractmethod
    def probabilities(self, outputs: Tensor) -> Tensor:
        """Return the class probabilities, (..., N, classes)."""

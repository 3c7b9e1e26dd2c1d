"""What a loss is: a recipe that maps outputs and targets to one value per example."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch import Tensor

from landscape_core.foundation.recipes import Recipe
from landscape_core.models.datasets.base import Split


@dataclass(frozen=True, kw_only=True)
class Loss(Recipe, ABC):
    """A loss per example; the objective is its mean."""

    @abstractmethod
    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Loss of each example, (..., N), for outputs (..., N, C) and targets (N,) or (N, D)."""

    @abstractmethod
    def outputs(self, data: Split) -> int:
        """How many outputs a network needs for this data.

        Raises:
            SpecError: the loss does not apply to such data.
        """

    @abstractmethod
    def predict(self, outputs: Tensor) -> Tensor:
        """The predicted class of each example, (..., N), long; for numbers the outputs."""

    @abstractmethod
    def probabilities(self, outputs: Tensor) -> Tensor:
        """How sure the network is of each class, (..., N, classes), summing to one."""

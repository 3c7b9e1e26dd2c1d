"""What a measure is: a number per example that a slice averages at each of its points."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from landscape_core.losses.base import Loss
from landscape_core.recipes import Recipe


@dataclass(frozen=True, kw_only=True)
class Measure(Recipe, ABC):
    """A mean over examples, read from the network's outputs."""

    unit: ClassVar[str] = "1"

    @abstractmethod
    def per_example(self, outputs: Tensor, targets: Tensor, loss: Loss) -> Tensor:
        """The value of each example, (..., N), for outputs (..., N, C)."""

    def applies(self, classes: int | None) -> bool:
        """Whether the measure means anything for such data (None: targets are numbers)."""
        del classes
        return True

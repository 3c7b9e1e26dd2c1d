"""The norm of the gradient of the loss."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from landscape_core.models.measures.base import GradientMeasure


@dataclass(frozen=True, kw_only=True)
class GradientNorm(GradientMeasure):
    """Gradient norm: the Euclidean norm of the gradient of the mean loss in all P parameters."""

    unit: ClassVar[str] = "loss per unit of parameter"

    def of_gradient(self, gradient: Tensor) -> Tensor:
        return gradient.norm(dim=-1)

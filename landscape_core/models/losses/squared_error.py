"""Squared error: Legendre, 1805; for classes against one-hot targets (Brier, 1950)."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from landscape_core.models.datasets.base import Split
from landscape_core.models.losses.base import Loss


@dataclass(frozen=True, kw_only=True)
class SquaredError(Loss):
    """Half the squared distance of the outputs from the targets."""

    label: ClassVar[str] = "squared error"

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """½ ||outputs - targets||² of each example, (..., N)."""
        if not targets.is_floating_point():
            targets = torch.nn.functional.one_hot(targets, outputs.shape[-1]).to(outputs.dtype)
        return 0.5 * (outputs - targets).square().sum(dim=-1)

    def outputs(self, data: Split) -> int:
        """One output a class, or as many as a target has numbers."""
        return data.classes or data.train.targets.shape[1]

    def predict(self, outputs: Tensor) -> Tensor:
        """The class of the largest output, (..., N)."""
        return outputs.max(dim=-1).indices  # argmax is many times slower across strides

    def probabilities(self, outputs: Tensor) -> Tensor:
        """Outputs cut to [0, 1] and scaled to sum to one: a picture, not a likelihood."""
        cut = outputs.clamp(1e-6, 1.0)
        return cut / cut.sum(dim=-1, keepdim=True)

"""Squared error: Legendre, 1805; for classes against one-hot targets (Brier, 1950)."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from landscape_core.foundation.errors import SpecError
from landscape_core.models.class_signs import check_classes
from landscape_core.models.datasets.base import Split
from landscape_core.models.losses.base import Loss


@dataclass(frozen=True, kw_only=True)
class SquaredError(Loss):
    """Half the squared error, ½ ‖outputs − targets‖²; one-hot targets for classes."""

    label: ClassVar[str] = "squared error"

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return ½ ‖outputs − targets‖² of each example, (..., N)."""
        if not targets.is_floating_point():
            targets = torch.nn.functional.one_hot(targets, outputs.shape[-1]).to(outputs.dtype)
        return 0.5 * (outputs - targets).square().sum(dim=-1)

    def check_targets(self, targets: Tensor, outputs: Tensor) -> None:
        """Refuse numbers not of the shape of the outputs, or integers that are no classes."""
        if not targets.is_floating_point():
            check_classes(targets, outputs)
        elif targets.shape[1:] != outputs.shape[1:]:
            given, wanted = tuple(targets.shape), (len(targets), *outputs.shape[1:])
            raise SpecError(
                "targets", f"the shape {given}", f"of the shape of the outputs, {wanted}"
            )

    def outputs(self, data: Split) -> int:
        """One output per class, or per entry of a target."""
        return data.classes or data.train.targets.shape[1]

    def predict(self, outputs: Tensor) -> Tensor:
        """Return the class of the largest output, (..., N)."""
        return outputs.max(dim=-1).indices  # argmax is many times slower across strides

    def probabilities(self, outputs: Tensor) -> Tensor:
        """Return outputs clipped to [0, 1] and normalized: for display, not a likelihood."""
        cut = outputs.clamp(1e-6, 1.0)
        return cut / cut.sum(dim=-1, keepdim=True)

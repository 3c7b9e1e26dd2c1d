"""Quadratic hinge: Geiger et al., 2018, The jamming transition, arXiv:1809.09349, section II.

A constraint of each example is that its margin y f is at least 1; the loss is half the square of
what is missing, and exactly 0 once all constraints are satisfied. The paper has two classes and one
output; for more classes the losses of each class against the others are averaged here.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from landscape_core.foundation.errors import SpecError
from landscape_core.models.class_signs import check_classes, signs_of
from landscape_core.models.datasets.base import Split
from landscape_core.models.losses.base import Loss


@dataclass(frozen=True, kw_only=True)
class QuadraticHinge(Loss):
    """Quadratic hinge ½ max(0, 1 − y f)², y = ±1; for more classes the mean of one-vs-rest."""

    label: ClassVar[str] = "quadratic hinge"

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean over outputs of ½ max(0, 1 − y f)² with y = ±1, (..., N)."""
        missing = (1 - signs_of(targets, outputs) * outputs).relu()
        return 0.5 * missing.square().mean(dim=-1)

    def check_targets(self, targets: Tensor, outputs: Tensor) -> None:
        """Refuse labels that are not the classes from 0 on, or not of the shape of the outputs."""
        check_classes(targets, outputs)

    def outputs(self, data: Split) -> int:
        """One output for two classes, else one per class."""
        if data.classes is None:
            accepted = "squared_error for regression targets"
            raise SpecError("Supervised.loss", "quadratic_hinge", accepted)
        return 1 if data.classes == 2 else data.classes

    def predict(self, outputs: Tensor) -> Tensor:
        """Return class 1 for a positive single output, else the class of the largest, (..., N)."""
        if outputs.shape[-1] == 1:
            return (outputs[..., 0] > 0).long()
        return outputs.max(dim=-1).indices  # argmax is many times slower across strides

    def probabilities(self, outputs: Tensor) -> Tensor:
        """Return sigmoids of twice the outputs, normalized: for display, not a likelihood."""
        yes = (2 * outputs).sigmoid()
        if outputs.shape[-1] == 1:
            return torch.cat([1 - yes, yes], dim=-1)
        return yes / yes.sum(dim=-1, keepdim=True)

"""Logistic loss: Cox, 1958, The Regression Analysis of Binary Sequences."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import softplus

from landscape_core.foundation.errors import SpecError
from landscape_core.models.class_signs import check_classes, signs_of
from landscape_core.models.datasets.base import Split
from landscape_core.models.losses.base import Loss


@dataclass(frozen=True, kw_only=True)
class Logistic(Loss):
    """Logistic loss log(1 + exp(-y f)), y = ±1; for more classes the mean of one-vs-rest losses."""

    label: ClassVar[str] = "logistic"

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean over outputs of log(1 + exp(-y f)) with y = ±1, (..., N)."""
        return softplus(-signs_of(targets, outputs) * outputs).mean(dim=-1)

    def check_targets(self, targets: Tensor, outputs: Tensor) -> None:
        """Refuse labels that are not the classes from 0 on, or not of the shape of the outputs."""
        check_classes(targets, outputs)

    def outputs(self, data: Split) -> int:
        """One output for two classes, else one per class."""
        if data.classes is None:
            raise SpecError("Supervised.loss", "logistic", "squared_error for regression targets")
        return 1 if data.classes == 2 else data.classes

    def predict(self, outputs: Tensor) -> Tensor:
        """Return class 1 for a positive single output, else the class of the largest, (..., N)."""
        if outputs.shape[-1] == 1:
            return (outputs[..., 0] > 0).long()
        return outputs.max(dim=-1).indices  # argmax is many times slower across strides

    def probabilities(self, outputs: Tensor) -> Tensor:
        """Return both probabilities for one output, else the sigmoids normalized to sum to one."""
        yes = outputs.sigmoid()
        if outputs.shape[-1] == 1:
            return torch.cat([1 - yes, yes], dim=-1)
        return yes / yes.sum(dim=-1, keepdim=True)

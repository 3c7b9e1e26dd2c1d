"""Classes as signs ±1: of one output for two classes, else of each class against the others."""

import torch
from torch import Tensor

from landscape_core.foundation.errors import SpecError


def signs_of(targets: Tensor, outputs: Tensor) -> Tensor:
    """The sign of each output, (..., N, C), for classes (N,); C = 1: 1 for class 1, −1 for 0."""
    if outputs.shape[-1] == 1:
        signs = (2 * targets - 1)[:, None]
    else:
        signs = 2 * torch.nn.functional.one_hot(targets, outputs.shape[-1]) - 1
    return signs.to(outputs.dtype)


def check_classes(targets: Tensor, outputs: int) -> None:
    """Refuse targets that are not the classes from 0 on, such as labels ±1.

    Raises:
        SpecError: names the values and what is accepted.
    """
    classes = max(2, outputs)
    known = torch.arange(classes, device=targets.device, dtype=targets.dtype)
    if targets.numel() and not bool(torch.isin(targets, known).all()):
        low, high = float(targets.min()), float(targets.max())
        accepted = f"classes from 0 to {classes - 1}, one for each example"
        if classes == 2 and (low, high) == (-1, 1):
            accepted += "; give (y + 1) / 2 for labels y = ±1"
        raise SpecError("targets", f"numbers from {low:g} to {high:g}", accepted)

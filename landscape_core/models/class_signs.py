"""Classes as signs ±1: of one output for two classes, else of each class against the others."""

import torch
from torch import Tensor

from landscape_core.foundation.errors import SpecError


def signs_of(targets: Tensor, outputs: Tensor) -> Tensor:
    """The sign of each output, (..., N, C), for classes (N,); C = 1: 1 for class 1, −1 for 0."""
    if outputs.shape[-1] == 1:
        signs = (2 * targets - 1)[..., None]
    else:
        signs = 2 * torch.nn.functional.one_hot(targets, outputs.shape[-1]) - 1
    return signs.to(outputs.dtype)


def check_classes(targets: Tensor, outputs: Tensor) -> None:
    """Refuse targets that are not the classes from 0 on, one for each outputs of an example.

    Other shapes would be broadcast, which compares every output with every target.

    Args:
        targets: all of them.
        outputs: those of a few examples, (..., C).

    Raises:
        SpecError: names the shape or the values and what is accepted.
    """
    wanted = outputs.shape[1:-1]
    if outputs.ndim < 2 or targets.shape[1:] != wanted:
        accepted = f"a shape {(len(targets), *wanted)}, for outputs (N, ..., C) one class each"
        given = f"the shape {tuple(targets.shape)} for outputs {(len(targets), *outputs.shape[1:])}"
        raise SpecError("targets", given, accepted)
    classes = max(2, outputs.shape[-1])
    known = torch.arange(classes, device=targets.device, dtype=targets.dtype)
    if targets.numel() and not bool(torch.isin(targets, known).all()):
        low, high = float(targets.min()), float(targets.max())
        accepted = f"classes from 0 to {classes - 1}, one for each example"
        if classes == 2 and (low, high) == (-1, 1):
            accepted += "; give (y + 1) / 2 for labels y = ±1"
        raise SpecError("targets", f"numbers from {low:g} to {high:g}", accepted)

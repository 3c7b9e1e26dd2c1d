"""Which statistics batch normalization uses off the centre of a slice, and their re-estimation."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _NormBase

from landscape_core.foundation.errors import SpecError

BatchNorm = Literal["running", "interpolated", "batch", "reestimated"]
"""`running`: the statistics stored at the centre of the slice, as Li et al. (2018) do.
`interpolated`: on a plane through several given states, each state's own statistics at its point,
and between them in proportion, as the parameters; so do all other buffers of numbers with a
fraction that differ. Where no plane moves them, they are the stored ones.
`batch`: the statistics of the very examples that are evaluated, all at once.
`reestimated`: anew at each point, from the training examples in batches of `REESTIMATION_BATCH`, by
the cumulative average of `torch.optim.swa_utils.update_bn`; then used as `running` ones are."""

BATCH_NORM: tuple[BatchNorm, ...] = ("running", "interpolated", "batch", "reestimated")

USUAL = "usual"
"""In a recipe: `interpolated` on a plane through several states whose buffers are known and differ,
`running` on any other; in a call `None` says so."""

CHOICES = (USUAL, *BATCH_NORM)

BATCH_NORM_HELP = (
    "batch-norm statistics away from the centre: running statistics (running), "
    "interpolated between the states of the plane (interpolated), batch statistics "
    "(batch), or re-estimated at each point (reestimated); usual: interpolated if the "
    "plane passes through several states, else running"
)

MEANINGS: dict[BatchNorm, str] = {
    "running": "the centre's stored statistics at every point",
    "interpolated": "statistics, as all buffers that differ, interpolated linearly "
    "between the given states; outside them, variances are held above zero, so high losses there "
    "may be artefacts",
    "batch": "statistics of the examples evaluated",
    "reestimated": "statistics estimated anew at each point",
}
"""What a slice says of its choice."""

UNKNOWN = (
    "the centre's stored statistics at every point, as those of the other states are not known"
)
"""What a slice says on a plane through several states of which that holds."""

CENTRE, NETWORK = "the centre's", "the given network's"
"""Whose the stored statistics are: on a plane that does not begin at the given network, its own."""

REESTIMATION_BATCH = 500
"""Examples in a batch, at most, when statistics are estimated anew."""


def reestimate(
    normalizers: Sequence[_NormBase],
    buffers: Sequence[Mapping[str, Tensor]],
    forward: Callable[[Tensor], object],
    inputs: Tensor,
) -> None:
    """Estimate running statistics anew, in place, as `torch.optim.swa_utils.update_bn` does.

    Args:
        normalizers: the layers; afterwards they use what was estimated.
        buffers: those of each layer that a call of `forward` updates.
        forward: evaluates the network.
        inputs: of all training examples, (N, ...).
    """
    momenta = [part.momentum for part in normalizers]
    for part, own in zip(normalizers, buffers, strict=True):
        part.training, part.momentum = True, None
        for name, buffer in own.items():
            buffer.fill_(1 if name == "running_var" else 0)
    try:
        with torch.no_grad():
            for batch in inputs.tensor_split(-(-len(inputs) // REESTIMATION_BATCH)):
                forward(batch)
    finally:
        for part, momentum in zip(normalizers, momenta, strict=True):
            part.training, part.momentum = False, momentum


def check_choice(batch_norm: str) -> None:
    """Refuse what is no choice of statistics."""
    if batch_norm not in BATCH_NORM:
        raise SpecError("batch_norm", batch_norm, "one of " + ", ".join(BATCH_NORM))

"""Whether a network mixes its examples: then data cannot be gone through in parts.

Batch normalization without running statistics does so, a mean over the batch in a `forward`, or
attention from one example to the others.
"""

import torch

from landscape_core.foundation import random_streams
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import ModelObjective

TRIED = 32
"""Examples on which a network is tried."""


def places(objective: ModelObjective) -> list[Vector]:
    """Two points at which to try what must hold at all: the start, and one as far from zero.

    The start alone may be special: where the last layer begins at zero, all examples look alike.
    """
    start = objective.start.detach()
    drawn = torch.randn(len(start), generator=random_streams.stream(0, "places")).to(start)
    return [start, start + drawn * start.square().mean().sqrt().clamp_min(1e-2)]


def mixes(objective: ModelObjective) -> bool:
    """Whether an example's outputs depend on those that are evaluated with it, by a trial."""
    few = objective.still.first(TRIED)
    half = few.examples // 2
    if not half:
        return False
    with torch.no_grad():
        for theta in places(objective):
            whole = few.outputs(theta)
            apart = torch.cat(
                [few.first(half).outputs(theta), few.between(half, TRIED).outputs(theta)]
            )
            if whole.shape != apart.shape:
                return True
            scale = whole.abs().nan_to_num(0.0, posinf=0.0).max() if whole.numel() else 0.0
            near = float(torch.finfo(whole.dtype).eps ** 0.5 * scale)
            if not torch.allclose(whole, apart, rtol=0.0, atol=near, equal_nan=True):
                return True
    return False

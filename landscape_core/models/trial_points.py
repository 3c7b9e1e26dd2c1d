"""Points at which it is tried how a network and its loss behave."""

import torch

from landscape_core.foundation import random_streams
from landscape_core.foundation.types import Vector


def places(start: Vector) -> list[Vector]:
    """Two points at which to try what must hold at all: the start, and one as far from zero.

    The start alone may be special: where the last layer begins at zero, all examples look alike.
    """
    start = start.detach()
    drawn = torch.randn(len(start), generator=random_streams.stream(0, "places")).to(start)
    return [start, start + drawn * start.square().mean().sqrt().clamp_min(1e-2)]

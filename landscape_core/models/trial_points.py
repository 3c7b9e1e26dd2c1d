"""Points at which it is tried how a network and its loss behave."""

import torch

from landscape_core.foundation import random_streams
from landscape_core.foundation.types import Vector


def places(start: Vector) -> list[Vector]:
    """Two points at which to try what must hold at all: the start, and one away from it.

    The start alone may be special: where the last layer begins at zero, all examples look alike.
    """
    return [start.detach(), *away(start, 1)]


def away(start: Vector, count: int) -> list[Vector]:
    """Points about as far from the start (P,) as that is from zero, always the same ones."""
    start, rng = start.detach(), random_streams.stream(0, "places")
    size = start.square().mean().sqrt().clamp_min(1e-2)
    return [start + torch.randn(len(start), generator=rng).to(start) * size for _ in range(count)]

"""Named random streams: every purpose draws from its own, so that none disturbs another."""

import hashlib

import numpy as np
import torch


def stream(seed: int, *names: str | int) -> torch.Generator:
    """A CPU generator of torch for this seed and purpose, the same on every machine."""
    return torch.Generator().manual_seed(_mixed(seed, names))


def numpy_stream(seed: int, *names: str | int) -> np.random.Generator:
    """A generator of NumPy for this seed and purpose, the same on every machine."""
    return np.random.default_rng(_mixed(seed, names))


def _mixed(seed: int, names: tuple[str | int, ...]) -> int:
    digest = hashlib.sha256(repr((seed, names)).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1

"""Named random streams: every purpose draws from its own, so that none disturbs another."""

import hashlib
import operator

import numpy as np
import torch


def stream(seed: int, *names: str | int) -> torch.Generator:
    """A CPU generator of torch for this seed and purpose, the same on every machine."""
    return torch.Generator().manual_seed(_mixed(seed, names))


def numpy_stream(seed: int, *names: str | int) -> np.random.Generator:
    """A generator of NumPy for this seed and purpose, the same on every machine."""
    return np.random.default_rng(_mixed(seed, names))


def _mixed(seed: int, names: tuple[str | int, ...]) -> int:
    # NumPy's integers are written like Python's, so that they name the same stream.
    plain = tuple(name if isinstance(name, str) else operator.index(name) for name in names)
    digest = hashlib.sha256(repr((operator.index(seed), plain)).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1

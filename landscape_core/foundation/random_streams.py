"""Named random streams: every purpose draws from its own, so that none disturbs another."""

import hashlib
import operator
from typing import SupportsIndex

import numpy as np
import torch


def stream(seed: SupportsIndex, *names: str | SupportsIndex) -> torch.Generator:
    """A CPU generator of torch for this seed and purpose, the same on every machine."""
    return torch.Generator().manual_seed(_mixed(seed, names))


def numpy_stream(seed: SupportsIndex, *names: str | SupportsIndex) -> np.random.Generator:
    """A generator of NumPy for this seed and purpose, the same on every machine."""
    return np.random.default_rng(_mixed(seed, names))


def number(seed: SupportsIndex, *names: str | SupportsIndex) -> int:
    """A number below 2^63 for this seed and purpose, for generators that are set from outside."""
    return _mixed(seed, names)


def _mixed(seed: SupportsIndex, names: tuple[str | SupportsIndex, ...]) -> int:
    # NumPy's scalars are written like Python's, so that they name the same stream.
    plain = tuple(str(name) if isinstance(name, str) else operator.index(name) for name in names)
    digest = hashlib.sha256(repr((operator.index(seed), plain)).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1

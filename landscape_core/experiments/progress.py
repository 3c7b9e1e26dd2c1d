"""Progress of long work: generators of complete, immutable states, the last with the result."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import xarray as xr

UPDATE_INTERVAL = 0.1
"""Seconds between two states of progress that are yielded."""


@dataclass(frozen=True, eq=False)
class Progress:
    """How far a piece of work is; `dataset` is the best so far, or None while there is none."""

    done: int
    total: int
    dataset: xr.Dataset | None = None


def result(work: Iterator[Progress]) -> xr.Dataset:
    """The finished dataset of a piece of work."""
    last = deque(work, maxlen=1)
    if not last or last[0].dataset is None:
        raise RuntimeError("the work ended without a result")
    return last[0].dataset

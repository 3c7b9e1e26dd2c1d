"""One pass over a loader, in between whose batches other work is done."""

import random
from collections.abc import Iterable, Iterator
from types import GeneratorType
from typing import Any, final

import numpy as np
import torch
from torch.utils.data import DataLoader
from torch.utils.data.dataloader import _MultiProcessingDataLoaderIter

from landscape_core.models.generators import kept_generators

States = tuple[Any, Any, Any]
"""The states of the generators of torch, NumPy and Python."""


def generator_states() -> States:
    """The states of the process's generators on the CPU."""
    return torch.random.get_rng_state(), np.random.get_state(), random.getstate()


@final
class LoaderPass:
    """The batches of a loader, each read when it is asked for.

    What a loader draws from the process's generators, as for an augmentation, goes on from batch to
    batch as if nothing else were done meanwhile; the generators of the caller stay as they are.
    """

    def __init__(
        self, data: Iterable[Any], begun: Iterator[Any] | None = None, drawn: States | None = None
    ) -> None:
        """Begin a pass, or go on with one that was `begun` and has `drawn` numbers."""
        self._data = data
        with kept_generators():
            self._batches = iter(data) if begun is None else begun
            self._drawn: States = drawn or generator_states()

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        with kept_generators():
            torch.random.set_rng_state(self._drawn[0])
            np.random.set_state(self._drawn[1])
            random.setstate(self._drawn[2])
            try:
                return next(self._batches)
            finally:
                self._drawn = generator_states()

    def close(self) -> None:
        """End the pass: the worker processes of a DataLoader end, unless they are to persist."""
        batches = self._batches
        if isinstance(batches, _MultiProcessingDataLoaderIter):
            lasting = isinstance(self._data, DataLoader) and self._data.persistent_workers
            if not lasting:
                batches._shutdown_workers()
        elif isinstance(batches, GeneratorType) and batches is not self._data:
            batches.close()

"""Batches read from a loader: as many as are asked for, and never more than memory holds.

What a loader with a length will take is known after its first batch. One without a length, a
generator for one, is read until it ends or a part of the memory that was free is used.
"""

from collections.abc import Callable, Iterable, Sized
from typing import Any

from torch.utils.data import BatchSampler, DataLoader

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.memory import amount, free_memory
from landscape_core.models.generators import kept_generators
from landscape_core.models.nested_batches import arrays_in, bytes_of, examples_of

COPIES = 2
"""How many times the data exist while they are put together."""

OVERHEAD = 1024
"""Bytes that an object of a batch takes besides its numbers, about."""

LOOK = 2**24
"""Bytes read after which it is looked again what memory is left."""

WAY_OUT = (
    "no more than memory holds: {} are needed while they are put together, {} are free. Give"
    " max_examples=, or a part of them, for instance DataLoader(Subset(dataset, range(1000)))"
)


def read(
    name: str,
    data: Iterable[Any],
    most: int | None,
    check: Callable[[int, Any], Any],
    change: Callable[[Any], Any] = lambda batch: batch,
) -> list[Any]:
    """The batches of data in order, read once.

    Args:
        name: what the data are called in an error.
        data: gives the batches; a list or tuple is in memory, and is not shortened.
        most: as many examples are wanted as this; None: all.
        check: is called with the number of each batch and the batch, and refuses it.
        change: what to keep of each batch.

    Raises:
        SpecError: the data do not fit into memory; says how many examples, bytes needed and free.
    """
    if isinstance(data, list | tuple):
        for number, batch in enumerate(data):
            check(number, batch)
        return [change(batch) for batch in data]
    found: list[Any] = []
    budget = _Budget(name, free_memory())
    with kept_generators():  # a DataLoader draws from torch's own
        for number, read_batch in enumerate(data):
            check(number, read_batch)
            batch = change(read_batch)
            found.append(batch)
            budget.add(batch)
            if number == 0:
                budget.check_whole(_expected(data, batch), most)
            if most is not None and budget.examples >= most:
                break
    return found


def known_examples(data: object) -> int | None:
    """How many examples a loader gives in all, if that is known without reading it."""
    sampler = data.batch_sampler if isinstance(data, DataLoader) else None
    if type(sampler) is not BatchSampler or not isinstance(sampler.sampler, Sized):
        return None
    count = len(sampler.sampler)
    return count - count % sampler.batch_size if sampler.drop_last else count


class _Budget:
    """What has been read, and what memory there was for it."""

    def __init__(self, name: str, free: int) -> None:
        self.name, self.free = name, free
        self.examples = self.bytes = 0
        self._looked = 0

    def add(self, batch: object) -> None:
        """Count a batch.

        Raises:
            SpecError: there is no memory left to put together what was read.
        """
        self.examples += examples_of(batch) or 0
        self.bytes += bytes_of(batch) + OVERHEAD * (1 + sum(1 for _ in arrays_in(batch)))
        if self.bytes < self._looked + LOOK:
            return
        self._looked = self.bytes
        if COPIES * self.bytes > self.free or self.bytes > free_memory():
            self._refuse(f"{self.examples} examples and more", COPIES * self.bytes)

    def check_whole(self, examples: int | None, most: int | None) -> None:
        """Refuse what will not fit, after the first batch.

        Raises:
            SpecError: it will not.
        """
        if examples is None and most is None:
            return
        count = min(one for one in (examples, most) if one is not None)
        needed = COPIES * self.bytes * count // max(1, self.examples)
        if self.examples and count > self.examples and needed > self.free:
            self._refuse(f"{count} examples", needed)

    def _refuse(self, shown: str, needed: int) -> None:
        accepted = WAY_OUT.format(amount(needed), amount(self.free))
        raise SpecError(self.name, shown, accepted)


def _expected(data: object, batch: object) -> int | None:
    """How many examples there are, by the length of the loader and its first batch."""
    known = known_examples(data)
    if known is not None:
        return known
    try:
        batches = len(data)  # type: ignore[arg-type]
    except (TypeError, NotImplementedError):
        return None
    return batches * (examples_of(batch) or 0) or None

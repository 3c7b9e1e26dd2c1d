"""Batches read from a loader: as many as are asked for, and never more than memory holds.

What does not fit can be streamed where the caller knows how (`stream`); else it is refused.

What a loader with a length will take is known after its first batch. One without a length, a
generator for one, is read until it ends or a part of the memory that was free is used.
"""

from collections.abc import Callable, Iterable, Iterator, Sized
from dataclasses import dataclass
from typing import Any, final

from torch.utils.data import BatchSampler, DataLoader

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.memory import amount, free_memory
from landscape_core.models.generators import kept_generators
from landscape_core.models.loader_pass import States, generator_states
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

ENDING = "; landscape, spectrum and convexity read what ends batch by batch with stream=True"
"""What else can be done with data whose length is not known."""


@final
@dataclass(frozen=True, eq=False)
class Begun:
    """A pass over data that are not collected: the batches read so far, and the rest.

    `drawn` are the states of the process's generators after the batches that were read.
    """

    batches: list[Any]
    rest: Iterator[Any]
    drawn: States

    def emptied(self) -> Iterator[Any]:
        """The batches read so far, none of which is kept."""
        self.batches.reverse()
        while self.batches:
            yield self.batches.pop()


@final
class StreamedError(Exception):
    """Data are to be read in passes, as they do not fit into memory or as it was asked for."""

    def __init__(self, begun: Begun) -> None:
        """Keep what was begun."""
        Exception.__init__(self, "the data are to be streamed")
        self.begun = begun


def read(
    name: str,
    data: Iterable[Any],
    most: int | None,
    check: Callable[[int, Any], Any],
    change: Callable[[Any], Any] = lambda batch: batch,
    *,
    stream: bool | None = False,
) -> list[Any]:
    """The batches of data in order, read once.

    Args:
        name: what the data are called in an error.
        data: gives the batches; a list or tuple is in memory, and is not shortened.
        most: as many examples are wanted as this; None: all.
        check: is called with the number of each batch and the batch, and refuses it.
        change: what to keep of each batch.
        stream: None: stop where data do not fit of which it is known that they end; True: stop
            after the first batch in any case, but for what is in memory; False: never.

    Raises:
        StreamedError: it stopped; holds what was begun.
        SpecError: the data do not fit into memory; says how many examples, bytes needed and free.
    """
    if isinstance(data, list | tuple):
        for number, batch in enumerate(data):
            check(number, batch)
        return [change(batch) for batch in data]
    found: list[Any] = []
    budget = _Budget(name, free_memory())
    with kept_generators():  # a DataLoader draws from torch's own
        batches = iter(data)
        for number, read_batch in enumerate(batches):
            check(number, read_batch)
            found.append(change(read_batch))
            refused = budget.refused(data, found[-1], most)
            if stream or (refused and stream is None and budget.ends):
                raise StreamedError(Begun(found, batches, generator_states()))
            if refused:
                raise refused
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
    """What has been read, and what memory there was for it; `ends`: how much there is is known."""

    def __init__(self, name: str, free: int) -> None:
        self.name, self.free = name, free
        self.examples = self.bytes = 0
        self.ends = False
        self._looked = 0

    def refused(self, data: object, batch: object, most: int | None) -> SpecError | None:
        """Count a batch; an error where there is no memory to put together what is to be read."""
        first = self.bytes == 0
        self.examples += examples_of(batch) or 0
        self.bytes += bytes_of(batch) + OVERHEAD * (1 + sum(1 for _ in arrays_in(batch)))
        if first:
            expected = _expected(data, batch)
            self.ends = expected is not None or most is not None
            whole = self._whole(expected, most)
            if whole is not None:
                return whole
        if self.bytes < self._looked + LOOK:
            return None
        self._looked = self.bytes
        if COPIES * self.bytes > self.free or self.bytes > free_memory():
            return self._error(f"{self.examples} examples and more", COPIES * self.bytes)
        return None

    def _whole(self, examples: int | None, most: int | None) -> SpecError | None:
        """An error, after the first batch, where all will not fit."""
        if examples is None and most is None:
            return None
        count = min(one for one in (examples, most) if one is not None)
        needed = COPIES * self.bytes * count // max(1, self.examples)
        if self.examples and count > self.examples and needed > self.free:
            return self._error(f"{count} examples", needed)
        return None

    def _error(self, shown: str, needed: int) -> SpecError:
        accepted = WAY_OUT.format(amount(needed), amount(self.free))
        return SpecError(self.name, shown, accepted + ("" if self.ends else ENDING))


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

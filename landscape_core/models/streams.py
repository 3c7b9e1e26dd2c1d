"""Data that are read batch by batch, in as many passes as are asked for, and never collected."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, final

from torch import Tensor

from landscape_core.foundation.errors import SpecError
from landscape_core.models.batch_reading import Begun
from landscape_core.models.batches import check_lengths, check_shapes, pair_of
from landscape_core.models.example_digest import ExampleDigest
from landscape_core.models.loader_pass import LoaderPass

Pair = tuple[Tensor, Tensor]

ONCE = (
    "data that can be read more than once, for instance a DataLoader over a Dataset, as this takes"
    " several passes over them (a tolerance, curvature and gradients of many points do)"
)

SAME = (
    "the same examples in each pass, in any order, as this takes several passes over them (a"
    " tolerance, curvature and gradients of many points do): leave out random augmentation, and"
    " let a sampler choose the same examples each time"
)


@final
class Stream:
    """Pairs of inputs and targets, batch by batch. `passes` counts those begun.

    `examples` is how many there are in a whole pass, None before the first is over.
    """

    def __init__(
        self,
        name: str,
        data: Iterable[Any],
        begun: Begun,
        change: Callable[[Any], Any],
        most: int | None = None,
    ) -> None:
        """Go on with a pass that was begun.

        Args:
            name: what the data are called in an error.
            data: gives the batches.
            begun: what has been read of them.
            change: makes inputs and targets of a batch.
            most: a pass is over after so many examples.
        """
        self.name, self.passes = name, 0
        self.examples: int | None = None
        self._data, self._change, self._most = data, change, most
        self._open = LoaderPass(data, begun.rest, begun.drawn)
        self._next: Iterator[Any] | None = itertools.chain(begun.emptied(), self._changed())
        self._first: Pair | None = None
        self._seen: ExampleDigest | None = None

    def first(self) -> Pair:
        """The first batch of the pass that was begun, which still has it."""
        rest = self._opened()
        batch = next(rest)
        self._next = itertools.chain([batch], rest)
        return pair_of(self.name, batch)

    def batches(self) -> Iterator[Pair]:
        """One pass over the data; it is closed when the iterator is.

        Raises:
            SpecError: a batch of another kind than the first, or other examples than in the first
                pass.
        """
        self.passes += 1
        seen = ExampleDigest()
        try:
            for inputs, targets in self._pairs():
                seen.add(inputs, targets)
                yield inputs, targets
        finally:
            self.close()
        self._compare(seen)

    def check_again(self) -> None:
        """Refuse data that can be read only once.

        Raises:
            SpecError: they can.
        """
        if isinstance(self._data, Iterator):
            raise SpecError(self.name, type(self._data).__name__, ONCE)

    def close(self) -> None:
        """End the pass that is under way, if there is one."""
        self._open.close()

    def _pairs(self) -> Iterator[Pair]:
        left = self._most
        for batch in self._opened():
            pair = pair_of(self.name, batch)
            if self._first is None:
                self._first = pair[0].to("meta"), pair[1].to("meta")
            check_shapes(self.name, [self._first, pair])
            check_lengths(*pair)
            _check_types(self.name, self._first, pair)
            if left is None:
                yield pair
                continue
            yield pair[0][:left], pair[1][:left]
            left -= len(pair[0])
            if left <= 0:
                return

    def _opened(self) -> Iterator[Any]:
        """The batches of the pass that was begun, or of a new one."""
        begun, self._next = self._next, None
        if begun is not None:
            return begun
        self.check_again()
        self._open = LoaderPass(self._data)
        return self._changed()

    def _changed(self) -> Iterator[Any]:
        return map(self._change, self._open)

    def _compare(self, seen: ExampleDigest) -> None:
        if self._seen is None:
            self._seen, self.examples = seen, seen.examples
        elif seen.examples != self._seen.examples:
            found = f"{self._seen.examples} examples in the first pass, {seen.examples} in another"
            raise SpecError(self.name, found, SAME)
        elif seen.value != self._seen.value:
            found = f"other examples in pass {self.passes} than in the first"
            raise SpecError(self.name, found, SAME)


def _check_types(name: str, first: Pair, pair: Pair) -> None:
    """Refuse a batch whose numbers are of other types than those of the first."""
    for one, other in zip(first, pair, strict=True):
        if one.dtype != other.dtype:
            said = f"batches of {one.dtype} and {other.dtype}".replace("torch.", "")
            raise SpecError(name, said, "batches whose tensors are of one type")

"""What is drawn of a data set, computed once for all pages of a process that show it."""

import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from landscape_lab.figures.pixels import Array

T = TypeVar("T")


class Once:
    """Results by the data set, the very object, that they follow from; the latest are kept.

    For one thread: the one on which pages draw.
    """

    def __init__(self, most: int = 64) -> None:
        """None yet, and never more than so many."""
        self._most = most
        self._known: OrderedDict[Hashable, tuple[weakref.ref[Any], Any]] = OrderedDict()

    def get(self, dataset: Any, looks: Hashable, make: Callable[[], T]) -> T:
        """What `make` returns, or returned for this data set and these looks before.

        Args:
            dataset: what it follows from; never changed.
            looks: how it is drawn.
            make: draws it.
        """
        key = (id(dataset), looks)
        found = self._known.get(key)
        if found is not None and found[0]() is dataset:
            self._known.move_to_end(key)
            return found[1]
        made = make()
        self._known[key] = (weakref.ref(dataset), made)
        self._known.move_to_end(key)
        while len(self._known) > self._most:
            self._known.popitem(last=False)
        return made


def digests(*arrays: Array) -> tuple[int, ...]:
    """Hashes of the arrays of a data set, which a notebook may have changed in place."""
    return tuple(hash(array.tobytes()) for array in arrays)

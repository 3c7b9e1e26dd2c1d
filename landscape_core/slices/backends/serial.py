"""One call after another in this process: what every other backend must equal."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from landscape_core.slices.backends.base import Backend

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, kw_only=True)
class Serial(Backend):
    """In this process, in order."""

    def map(self, call: Callable[[T], R], items: Sequence[T]) -> Iterator[tuple[int, R]]:
        for index, item in enumerate(items):
            yield index, call(item)

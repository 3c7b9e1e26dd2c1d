"""What a backend is: a way to make many calls; it moves them and knows nothing of mathematics."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar, runtime_checkable

from landscape_core.foundation.recipes import Recipe

T = TypeVar("T")
R = TypeVar("R")


@runtime_checkable
class UsesCard(Protocol):
    """A call that says whether it computes on a graphics card, where there is one."""

    on_card: bool


@dataclass(frozen=True, kw_only=True)
class Backend(Recipe, ABC):
    """Makes calls, here or elsewhere."""

    @abstractmethod
    def map(self, call: Callable[[T], R], items: Sequence[T]) -> Iterator[tuple[int, R]]:
        """(index, call(item)) of every item, as they come, in any order."""

"""The readers of a probe: one for each part of the data and each thread, made when first called."""

import threading
from collections.abc import Callable
from typing import Protocol, final, runtime_checkable

from torch import Tensor

from landscape_core.foundation.recipes import name_of
from landscape_core.models.plain_evaluation import PlainEvaluation
from landscape_core.slices.point_by_point import point_by_point
from landscape_core.slices.reading import Reader, Reading
from landscape_core.slices.strategies.base import Strategy
from landscape_core.slices.strategies.loop import Loop


@runtime_checkable
class Continuing(Protocol):
    """A reader that can go on to another plane and other buffers of the same network."""

    def __call__(self, coords: Tensor) -> Tensor:
        """The values (R, K) at coordinates (K, D)."""

    def go_on(self, reading: Reading) -> None:
        """Read that from now on."""


@final
class Readers:
    """Readers by part, strategy and thread, as they write to what they hold.

    `evaluations` are the plain evaluations among them.
    """

    def __init__(self) -> None:
        """None yet."""
        self.evaluations: list[PlainEvaluation] = []
        self._readers: dict[tuple[str, str, int], Reader] = {}
        self._asked: dict[tuple[str, str, int], Reading] = {}

    def of(self, part: str, strategy: Strategy, reading: Callable[[], Reading]) -> Reader:
        """The reader of this thread; `reading` says what is read, where one is to be made."""
        key = part, name_of(type(strategy)), threading.get_ident()
        if key not in self._readers:
            if type(strategy) is Loop and not strategy.block:
                self.hold(part, reading())
            else:
                asked = reading()
                self.put(part, strategy, strategy.reader(asked.apart()), asked)
        return self._readers[key]

    def go_on(self, before: "Readers", part: str, strategy: Strategy, reading: Reading) -> None:
        """Take over the reader that this thread had of the same part, if it can go on to this."""
        key = part, name_of(type(strategy)), threading.get_ident()
        found: object = before._readers.get(key)
        if isinstance(found, Continuing) and before._asked[key].differs_in_place(reading):
            found.go_on(reading)
            self.put(part, strategy, found, reading)

    def drop(self, part: str, strategy: Strategy) -> None:
        """Forget the reader of this thread, and what it holds."""
        key = part, name_of(type(strategy)), threading.get_ident()
        self._readers.pop(key, None)
        self._asked.pop(key, None)

    def hold(self, part: str, reading: Reading) -> PlainEvaluation:
        """The plain evaluation of a part, by which this thread reads it from now on."""
        found = Loop().evaluation(reading)
        self.put(part, Loop(), point_by_point(reading, found))
        self.evaluations.append(found)
        return found

    def share(self, other: "Readers", part: str) -> None:
        """Let this thread read a part plainly by the evaluation that another one holds."""
        key = part, name_of(Loop), threading.get_ident()
        self._readers[key] = other._readers[key]
        self.evaluations += [one for one in other.evaluations if one not in self.evaluations]

    def put(
        self, part: str, strategy: Strategy, reader: Reader, asked: Reading | None = None
    ) -> None:
        """Let this thread read a part by a reader that there is already, made for a reading."""
        key = part, name_of(type(strategy)), threading.get_ident()
        self._readers[key] = reader
        if asked is not None:
            self._asked[key] = asked

"""The readers of a probe: one for each part of the data and each thread, made when first called."""

import threading
from collections.abc import Callable
from typing import final

from landscape_core.foundation.recipes import name_of
from landscape_core.models.plain_evaluation import PlainEvaluation
from landscape_core.slices.point_by_point import point_by_point
from landscape_core.slices.reading import Reader, Reading
from landscape_core.slices.strategies.base import Strategy
from landscape_core.slices.strategies.loop import Loop


@final
class Readers:
    """Readers by part, strategy and thread, as they write to what they hold.

    `evaluations` are the plain evaluations among them.
    """

    def __init__(self) -> None:
        """None yet."""
        self.evaluations: list[PlainEvaluation] = []
        self._readers: dict[tuple[str, str, int], Reader] = {}

    def of(self, part: str, strategy: Strategy, reading: Callable[[], Reading]) -> Reader:
        """The reader of this thread; `reading` says what is read, where one is to be made."""
        key = part, name_of(type(strategy)), threading.get_ident()
        if key not in self._readers:
            if type(strategy) is Loop and not strategy.block:
                self.hold(part, reading())
            else:
                self._readers[key] = strategy.reader(reading().apart())
        return self._readers[key]

    def hold(self, part: str, reading: Reading) -> PlainEvaluation:
        """The plain evaluation of a part, by which this thread reads it from now on."""
        found = Loop().evaluation(reading)
        self.put(part, Loop(), point_by_point(reading, found))
        self.evaluations.append(found)
        return found

    def put(self, part: str, strategy: Strategy, reader: Reader) -> None:
        """Let this thread read a part by a reader that there is already."""
        self._readers[part, name_of(type(strategy)), threading.get_ident()] = reader

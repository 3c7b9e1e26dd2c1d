"""The recorded iterates of a run, thinned so that they fit a budget of memory."""

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch

from landscape_core.foundation.types import Vectors
from landscape_core.training.run import DTYPES, Run, State


@dataclass(frozen=True, eq=False)
class Entry:
    """A recorded state without the memories of its step, and what was measured there, if it was."""

    state: State
    values: dict[str, float]


class Recorder:
    """The trajectory as it grows, thinned to a budget: when full, every second entry goes.

    What stays are the steps that are multiples of a stride, and the latest. The stride follows from
    how far the run has come, so that the record does not depend on how the run was watched. The
    budget is `run.checkpoints`, or fewer where they would exceed `run.memory_mb`.
    """

    def __init__(self, run: Run, size: int) -> None:
        """An empty record for vectors of `size` parameters."""
        item = DTYPES[run.dtype].itemsize
        self.budget = max(4, min(run.checkpoints, run.memory_mb * 2**20 // max(1, size * item)))
        self._stride = 1
        self._kept: list[Entry] = []
        self._latest: Entry | None = None

    def copied(self) -> "Recorder":
        """The same record, which grows by itself."""
        other = copy.copy(self)
        other._kept = list(self._kept)
        return other

    def stays(self, index: int) -> bool:
        """Whether the state after this number of steps is to be recorded."""
        return index % self._stride == 0

    def add(self, state: State, **values: float) -> None:
        """Record a state and what was measured there; a diverged one is not recorded."""
        if state.diverged:
            return
        self._latest = Entry(replace(state, memory=None, drawing=None), values)
        if not self.stays(state.index):
            return
        self._kept.append(self._latest)
        while len(self._kept) >= self.budget:
            self._stride *= 2
            self._kept = [each for each in self._kept if self.stays(each.state.index)]

    def measure(self, measures: Callable[[State], dict[str, float]]) -> Iterator[None]:
        """Measure the states that are kept and were not measured, yielding after each.

        What is thinned out before is never measured.
        """
        for at, entry in enumerate(self.entries()):
            if entry.values:
                continue
            found = replace(entry, values=measures(entry.state))
            if entry is self._latest:
                self._latest = found
            if at < len(self._kept):
                self._kept[at] = found
            yield

    def entries(self) -> list[Entry]:
        """What is kept, in order of steps, the latest included."""
        if self._latest is None or self._kept[-1] is self._latest:
            return list(self._kept)
        return [*self._kept, self._latest]

    def thetas(self) -> Vectors:
        """The kept iterates, shape (T, P)."""
        return stacked(self.entries())


def stacked(entries: Sequence[Entry]) -> Vectors:
    """The iterates of entries, shape (T, P)."""
    return torch.stack([entry.state.theta for entry in entries])

"""A run at one moment: what is recorded of it, and which recorded iterate is inspected."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.types import Vectors
from landscape_core.models.network_objective import ModelObjective
from landscape_core.planes.directions.base import Viewpoint
from landscape_core.planes.projected_path import before_escape
from landscape_core.training.recorder import Entry, stacked
from landscape_core.training.run import Run, State, Training


@dataclass(frozen=True, eq=False)
class ObservedRun:
    """The record of a run at a step, and the iterate of it that is inspected.

    `step` is the latest one, `index` the position of the inspected iterate among the entries.
    `history` is that of the run's settings; `ahead` gives the record of the run trained to a later
    step, where it can be.
    """

    training: Training
    run: Run
    entries: Sequence[Entry]
    step: int
    index: int
    history: tuple[tuple[int, Run], ...] = ()
    ahead: Callable[[int], "ObservedRun"] | None = None

    @property
    def entry(self) -> Entry:
        """The inspected iterate."""
        return self.entries[self.index]

    @property
    def state(self) -> State:
        """The state of the inspected iterate."""
        return self.entry.state

    @property
    def inspects_earlier(self) -> bool:
        """Whether the inspected iterate is an earlier one than the latest."""
        return self.index < len(self.entries) - 1

    @functools.cached_property
    def thetas(self) -> Vectors:
        """The recorded iterates, shape (T, P)."""
        return stacked(self.entries)

    @functools.cached_property
    def near(self) -> int:
        """How many iterates precede the first that is far away."""
        return before_escape(self.thetas)

    def run_to_inspected(self) -> Run:
        """The run as it is now, to end at the inspected iterate."""
        return self.run.replace(steps=max(1, self.state.index))

    def network(self, state: State | None = None) -> ModelObjective:
        """The training objective with the buffers of a state, by default the inspected one.

        Raises:
            SpecError: a problem without a network.
        """
        train = self.training.instance.train
        if not isinstance(train, ModelObjective):
            raise SpecError("Run.problem", type(train).__name__, "a network")
        return train.with_buffers((state or self.state).buffers)

    def viewpoint(self, end: int) -> Viewpoint:
        """What directions may use of the first `end` iterates, around the last of these."""

        def buffers_of(index: int) -> Mapping[str, Tensor]:
            return self.entries[index % end].state.buffers

        path = self.thetas[:end]
        train = self.network(self.entries[end - 1].state)
        return Viewpoint(train, path[-1], path, self.run.seed, buffers_of=buffers_of)

"""The way to a place: a session that is brought there, whatever it takes."""

import time
from collections.abc import Generator, Iterator
from dataclasses import replace

from landscape_core.foundation.registry import find
from landscape_core.session.picture import Picture
from landscape_core.session.session import Session
from landscape_core.slices.strategies.base import Strategy
from landscape_core.storage.store import Store
from landscape_core.training.run import State, continues
from landscape_lab.state.place import Origin, Place
from landscape_lab.state.scene import Scene

TOLD = 0.2
"""Seconds between two pictures on the way, where changes of settings take long."""


class Journey:
    """A session and the place where it stands, on the way to another.

    There is a session once the journey has `begun`, after the first picture or without one.
    """

    session: Session
    begun = False

    def __init__(
        self, there: Place, store: Store | None = None, strategy: Strategy | None = None
    ) -> None:
        """Nothing is built yet.

        Args:
            there: where to go.
            store: where held pictures are kept.
            strategy: how slices are evaluated; by default as the place says, or else the fastest in
                a short trial.
        """
        self._there = there
        named = find(Strategy, there.strategy)() if there.strategy else None
        self._store, self._strategy = store, strategy or named
        self.place = replace(there, step=0, changes=(), seen=None)

    def travel(self) -> Iterator[Picture]:
        """Go to the place, with some pictures on the way: its origin first, changes in their turn.

        Raises:
            SpecError: parts that do not fit together; before any work.
            MissingDataError: a data file is not there.
        """
        there, start = self._there, None
        if there.origin is not None:
            start = yield from self._from(there.origin)
        scene = there.start
        self.session = Session(scene.run, scene.sliced, self._store, start, self._strategy)
        self.begun = True
        yield from self.go_on(there)

    def go_on(self, there: Place) -> Iterator[Picture]:
        """Go on to a place that follows the present one."""
        self.session.check(there.scene.run, there.scene.sliced)  # before the way there
        made = self.place.changes
        self._stand(replace(there, step=self.session.step, changes=made))
        told = time.monotonic()
        for change in there.changes[len(made) :]:
            yield from self._until(change.step)
            self._stand(self.place.changed(change))
            if time.monotonic() - told > TOLD:  # whoever has had enough stops here
                yield self.session.picture()
                told = time.monotonic()
        yield from self._until(there.step)
        if there.seen is not None:
            yield self.session.revisit(there.seen)

    def want(self, scene: Scene) -> bool:
        """Change settings where the run stands; whether it can go on with them."""
        here = self.here()
        there = here.wanting(scene)
        begins = not here.step and continues(here.start.run, there.start.run)
        if not (there.follows(here) or (begins and there.origin == here.origin)):
            return False
        self._stand(there)
        return True

    def pictures(self) -> Iterator[Picture]:
        """The way to the place and the held picture there; the last is exact, or as asked for."""
        yield from self.travel()
        yield from self.session.refine()

    def here(self) -> Place:
        """Where the session stands."""
        return self.place.at(self.session.step) if self.begun else self.place

    def _from(self, origin: Origin) -> Generator[Picture, None, State]:
        """Go to the picture of the origin first; the network there."""
        first = Journey(origin.place, self._store, self._strategy)
        yield from first.travel()
        first.session.settle()
        yield first.session.picture()
        return first.session.state_at(origin.alpha, origin.beta)

    def _until(self, step: int) -> Iterator[Picture]:
        yield from self.session.travel(step)
        self.place = self.place.at(self.session.step)

    def _stand(self, place: Place) -> None:
        """Take on the settings of a place at which the session stands already."""
        scene = place.scene
        self.session.continue_with(scene.run)
        self.session.look_through(scene.sliced)
        self.place = place
        if not scene.view.follow:
            self.session.span()  # the plane that stays is the one of this step

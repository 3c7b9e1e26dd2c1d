"""The navigator brings a run to a place: a session, trained and changed as the place says."""

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace

from landscape_core.foundation.registry import find
from landscape_core.session.frames import SharedFrames
from landscape_core.session.picture import Picture
from landscape_core.session.session import Session
from landscape_core.slices.strategies.base import Strategy
from landscape_core.storage.store import Store
from landscape_core.training.run import State, continues
from landscape_lab.state.place import Origin, Place
from landscape_lab.state.scene import Scene

PAUSE = 0.2
"""Seconds between two pictures on the way, where changes of settings take long."""


@dataclass(frozen=True, eq=False)
class Frame:
    """A picture, and the place at which it was taken."""

    picture: Picture
    place: Place


class Navigator:
    """A session, and the place at which it is.

    There is a session once the navigator has `begun`, after the first picture or without one.
    """

    session: Session
    begun = False

    def __init__(
        self,
        there: Place,
        store: Store | None = None,
        strategy: Strategy | None = None,
        frames: SharedFrames | None = None,
    ) -> None:
        """Nothing is built yet.

        Args:
            there: where to go.
            store: cache of the slices of paused runs.
            strategy: how slices are evaluated; by default as the place says, or else the fastest in
        a short trial.
            frames: pictures that are shared with others who play the same run.
        """
        self._there, self._frames = there, frames
        named = find(Strategy, there.strategy)() if there.strategy else None
        self._store, self._strategy = store, strategy or named
        self.place = replace(there, step=0, changes=(), seen=None)

    def travel(self) -> Iterator[Frame]:
        """Go to the place, with some pictures on the way: its origin first, changes in their turn.

        Raises:
            SpecError: parts that do not fit together; before any work.
            MissingDataError: a data file is not there.
        """
        there, start = self._there, None
        if there.origin is not None:
            start = yield from self._from(there.origin)
        scene = there.start
        self.session = Session(
            scene.run, scene.computed_slice, self._store, start, self._strategy, self._frames
        )
        self.begun = True
        yield from self.go_on(there)

    def go_on(self, there: Place) -> Iterator[Frame]:
        """Go on to a place that follows the present one."""
        self.session.check(there.scene.run, there.scene.computed_slice)  # before the way there
        made = self.place.changes
        self._take_on(replace(there, step=self.session.step, changes=made, seen=None))
        last = time.monotonic()
        for change in there.changes[len(made) :]:
            yield from self._until(change.step)
            self._take_on(self.place.changed(change))
            if time.monotonic() - last > PAUSE:  # whoever has had enough stops here
                yield self.frame(self.session.picture())
                last = time.monotonic()
        yield from self._until(there.step)
        if there.seen is not None:
            yield self.frame(self.session.revisit(there.seen))

    def reaches(self, there: Place) -> bool:
        """Whether the run need only go on to be at a place."""
        return there.follows(self.here()) and there.step >= self.session.step

    def change_settings(self, scene: Scene) -> bool:
        """Change settings at the present step; whether the run can go on with them."""
        here = self.here()
        if scene == here.scene:
            return True
        there = here.wanting(scene)
        begins = not here.step and continues(here.start.run, there.start.run)
        if not (there.follows(here) or (begins and there.origin == here.origin)):
            return False
        self._take_on(there)
        return True

    def frame_of(self, more: int = 0, seek: int | None = None) -> Frame:
        """Make `more` steps, or inspect the recorded step nearest to `seek`."""
        self.session.advance(more)
        shown = self.session.picture() if seek is None else self.session.revisit(seek)
        return self.frame(shown)

    def play(self, steps: int, pause: Callable[[], float] = lambda: 0.0) -> Iterator[Frame]:
        """Replay the recorded steps, then train, with this number of steps between pictures.

        Args:
            steps: between pictures.
            pause: seconds for which curves and boundary may stay as they are.
        """
        for picture in self.session.replay(self.session.seen):
            yield self.frame(picture)
        for picture in self.session.play(steps, pause=pause):
            yield Frame(picture, self.place.at(picture.readings.step))

    def pictures(self) -> Iterator[Picture]:
        """The way to the place and the held picture there; the last is exact, or as asked for."""
        for frame in self.travel():
            yield frame.picture
        yield from self.session.refine()

    def here(self) -> Place:
        """The place of the run, at its last step."""
        return self.place.at(self.session.step) if self.begun else self.place

    def frame(self, picture: Picture) -> Frame:
        """The latest picture of the session with its place."""
        here = self.here()
        if self.begun and self.session.looks_back:
            here = replace(here, seen=picture.seen)
        return Frame(picture, here)

    def _from(self, origin: Origin) -> Generator[Frame, None, State]:
        """Go to the picture of the origin first; the network there."""
        first = Navigator(origin.place, self._store, self._strategy)
        for frame in first.travel():
            yield self.frame(frame.picture)
        first.session.settle()
        yield self.frame(first.session.picture())
        return first.session.state_at(origin.alpha, origin.beta, origin.weights)

    def _until(self, step: int) -> Iterator[Frame]:
        for picture in self.session.travel(step):
            yield self.frame(picture)
        self.place = self.place.at(self.session.step)

    def _take_on(self, place: Place) -> None:
        """Take on the settings of a place, whose step is the session's."""
        scene = place.scene
        self.session.continue_with(scene.run)
        self.session.change_slice(scene.computed_slice)
        self.place = place
        if not scene.slice.follow:
            self.session.span()  # the plane that stays is the one of this step

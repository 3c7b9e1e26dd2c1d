"""Pictures that several sessions of the same run share, so that each is computed once.

A class opens the same preset: the same run, changed at the same steps, is the same to the bit, and
so is its picture. The first session at a step computes it.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace

from landscape_core.planes.plane import Plane
from landscape_core.planes.projected_path import ProjectedPath
from landscape_core.session.live_run import LiveRun
from landscape_core.session.live_slice import LiveSlice
from landscape_core.session.picture import Picture


@dataclass(frozen=True, eq=False)
class SharedFrame:
    """A picture with its plane, as the directions span it, and the trajectory on that."""

    picture: Picture
    plane: Plane
    projected: ProjectedPath


class SharedFrames:
    """The latest pictures of all trainings that run; for any number of threads."""

    def __init__(self, most: int = 256) -> None:
        """None yet, and never more than so many."""
        self._most, self._lock = most, threading.Lock()
        self._frames: OrderedDict[Hashable, SharedFrame] = OrderedDict()

    def shared(self, run: LiveRun, live: LiveSlice, make: Callable[[], Picture]) -> Picture:
        """The picture of the latest step of a run, made if no other session has made it.

        Args:
            run: whose readings it gets.
            live: whose plane becomes that of the picture.
            make: makes it.
        """
        key = _key(run, live)
        if key is None:
            return make()
        with self._lock:
            found = self._frames.get(key)
        if found is None:
            picture = make()
            if live.plane is not None and live.projected is not None:
                self._keep(key, SharedFrame(picture, live.plane, live.projected))
            return picture
        live.take_over(found.plane, found.projected, found.picture.notice, run.state.index)
        return replace(found.picture, readings=run.readings(run.observed()))

    def _keep(self, key: Hashable, frame: SharedFrame) -> None:
        with self._lock:
            self._frames[key] = frame
            while len(self._frames) > self._most:
                self._frames.popitem(last=False)


def _key(run: LiveRun, live: LiveSlice) -> Hashable | None:
    """What a picture follows from; None where it is shared with nobody.

    The recorded steps are part of it: the trajectory is drawn through them, and the last of them
    depends on how many steps lie between two pictures. A plane that does not follow depends on
    when it was computed.
    """
    steps = tuple(run.recorded)
    key = (tuple(run.history), run.run, run.built_from, live.spec, live.strategy, steps)
    try:
        hash(key)
    except TypeError:  # parts of a notebook's own
        return None
    return key if live.spec.follow else None

"""Pictures that several sessions of the same run share, so that each is computed once.

A class opens the same preset: the same run, changed at the same steps, is the same to the bit, and
so is its picture. Whoever comes to a step first computes it.
"""

import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

from landscape_core.planes.plane import Plane
from landscape_core.planes.projected_path import ProjectedPath
from landscape_core.session.picture import Picture


@dataclass(frozen=True, eq=False)
class SharedFrame:
    """A picture with its plane, as the directions span it, and the trajectory on that."""

    picture: Picture
    plane: Plane
    projected: ProjectedPath


class SharedFrames:
    """The latest frames of all runs, by what they are pictures of; for any number of threads."""

    def __init__(self, most: int = 256) -> None:
        """None yet, and never more than so many."""
        self._most, self._lock = most, threading.Lock()
        self._frames: OrderedDict[Hashable, SharedFrame] = OrderedDict()

    def get(self, key: Hashable) -> SharedFrame | None:
        """The frame of a key, if it is known; it is then kept longer."""
        with self._lock:
            found = self._frames.get(key)
            if found is not None:
                self._frames.move_to_end(key)
            return found

    def put(self, key: Hashable, frame: SharedFrame) -> None:
        """Keep a frame, and drop the one that was asked for longest ago."""
        with self._lock:
            self._frames[key] = frame
            self._frames.move_to_end(key)
            while len(self._frames) > self._most:
                self._frames.popitem(last=False)

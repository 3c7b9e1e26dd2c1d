"""Places that were left by a change of a setting: to go back to, and forth again."""

import time

from landscape_lab.state.place import Place

LONGEST = 100
"""Places that are remembered, at most."""

TOGETHER = 1.0
"""Seconds within which changes of one setting are one: those of a slider that is dragged."""


class History:
    """What undo and redo go through."""

    def __init__(self) -> None:
        """Nothing has been changed."""
        self._back: list[Place] = []
        self._forth: list[Place] = []
        self._last = ("", -TOGETHER)

    @property
    def can_undo(self) -> bool:
        """Whether there is a place to go back to."""
        return bool(self._back)

    @property
    def can_redo(self) -> bool:
        """Whether there is a place to go forth to."""
        return bool(self._forth)

    def add(self, left: Place, path: str = "") -> None:
        """Remember a place that is left, by a change at a path or otherwise."""
        before, at = self._last
        now = time.monotonic()
        self._last = (path, now)
        self._forth.clear()
        if path and path == before and now - at < TOGETHER and self._back:
            return
        self._back = [*self._back, left][-LONGEST:]

    def undo(self, here: Place) -> Place | None:
        """The place before, if there is one; the present one is remembered."""
        return self._turned(self._back, self._forth, here)

    def redo(self, here: Place) -> Place | None:
        """The place that was gone back from, if there is one."""
        return self._turned(self._forth, self._back, here)

    def _turned(self, source: list[Place], target: list[Place], here: Place) -> Place | None:
        self._last = ("", -TOGETHER)
        if not source:
            return None
        target.append(here)
        return source.pop()

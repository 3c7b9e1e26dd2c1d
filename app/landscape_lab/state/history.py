"""The history of a page: the places that undo goes back to and redo goes to again."""

import time

from landscape_lab.state.place import Place

LONGEST = 100
"""Places that are remembered, at most."""

TOGETHER = 1.0
"""Seconds within which changes of one setting are one: those of a slider that is dragged."""


class History:
    """Two stacks of places, for undo and redo."""

    def __init__(self) -> None:
        """No change yet."""
        self._to_undo: list[Place] = []
        self._to_redo: list[Place] = []
        self._last = ("", -TOGETHER)

    @property
    def can_undo(self) -> bool:
        """Whether there is a place to go back to."""
        return bool(self._to_undo)

    @property
    def can_redo(self) -> bool:
        """Whether there is a place that was gone back from."""
        return bool(self._to_redo)

    def add(self, left: Place, path: str = "") -> None:
        """Remember a place that is left, by a change at a path or otherwise."""
        before, at = self._last
        now = time.monotonic()
        self._last = (path, now)
        self._to_redo.clear()
        if path and path == before and now - at < TOGETHER and self._to_undo:
            return
        self._to_undo = [*self._to_undo, left][-LONGEST:]

    def undo(self, here: Place) -> Place | None:
        """The place before, if there is one; the present one is remembered."""
        return self._turned(self._to_undo, self._to_redo, here)

    def redo(self, here: Place) -> Place | None:
        """The place that was gone back from, if there is one."""
        return self._turned(self._to_redo, self._to_undo, here)

    def _turned(self, source: list[Place], target: list[Place], here: Place) -> Place | None:
        self._last = ("", -TOGETHER)
        if not source:
            return None
        target.append(here)
        return source.pop()

"""The history of a page: the places that undo goes back to and redo goes to again."""

import time
from urllib.parse import parse_qsl

from landscape_lab.state.place import Place

LONGEST = 100
"""Places that are remembered, at most."""

TOGETHER = 1.0
"""Seconds within which changes of one setting are one: those of a slider that is dragged."""


PASSING = ("step", "seen", "strategy")
"""Words of a link that change as a run goes on."""


class History:
    """Two stacks of places, for undo and redo.

    `entry` counts changes: one more with each, one less with each undo. The browser's Back follows.
    """

    def __init__(self) -> None:
        """No change yet."""
        self.entry = 0
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
        self.entry += 1
        self._to_undo = [*self._to_undo, left][-LONGEST:]

    def undo(self, here: Place) -> Place | None:
        """The place before, if there is one; the present one is remembered."""
        self.entry -= self.can_undo
        return self._turned(self._to_undo, self._to_redo, here)

    def redo(self, here: Place) -> Place | None:
        """The place that was gone back from, if there is one."""
        self.entry += self.can_redo
        return self._turned(self._to_redo, self._to_undo, here)

    def undoes(self, link: str) -> bool:
        """Whether a link is that of the place before, at whichever step."""
        return self.can_undo and _settings_in(link) == _settings_in(self._to_undo[-1].link())

    def redoes(self, link: str) -> bool:
        """Whether a link is that of the place that was gone back from, at whichever step."""
        return self.can_redo and _settings_in(link) == _settings_in(self._to_redo[-1].link())

    def _turned(self, source: list[Place], target: list[Place], here: Place) -> Place | None:
        self._last = ("", -TOGETHER)
        if not source:
            return None
        target.append(here)
        return source.pop()


def _settings_in(link: str) -> list[tuple[str, str]]:
    """The words of a link but for the step, and how its picture was evaluated."""
    return sorted(word for word in parse_qsl(link) if word[0] not in PASSING)

"""What is said of work that takes its time: how much is done, and how long the rest will take."""

import time
from typing import Any

from landscape_lab.worker.worker import TRAINING, WorkProgress

PATIENCE = 0.7
"""Seconds of work of one kind that nothing is said of."""


class Waiting:
    """Turns progress into words for the toolbar."""

    def __init__(self) -> None:
        """Nothing is under way."""
        self.begin()

    def begin(self) -> None:
        """A piece of work begins."""
        self._what, self._since, self._first = "", time.monotonic(), 0

    def told(self, progress: WorkProgress | None) -> dict[str, Any] | None:
        """What to show now, as `Toolbar.set` takes it; None: nothing."""
        if progress is None:
            return None
        now = time.monotonic()
        if progress.what != self._what:
            self._what, self._since, self._first = progress.what, now, progress.done
        spent = now - self._since
        if spent < PATIENCE or (progress.total and progress.done >= progress.total):
            return None
        made, rest = progress.done - self._first, progress.total - progress.done
        left = round(spent * rest / made, 1) if made > 0 and rest > 0 else None
        return {
            "what": progress.what,
            "done": progress.done,
            "total": progress.total,
            "left": left,
            "training": progress.what == TRAINING,
        }

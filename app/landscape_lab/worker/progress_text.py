"""The progress of work that takes its time: how much is done, and how long the rest will take."""

import time
from typing import Any

from landscape_lab.worker.update import TRAINING, WorkProgress

PATIENCE = 0.7
"""Seconds of work of one kind of which nothing is shown."""


class ProgressText:
    """Turns the progress of work into values for the toolbar."""

    def __init__(self) -> None:
        """No work yet."""
        self.begin()

    def begin(self) -> None:
        """Start counting anew, for another piece of work."""
        self._what, self._since, self._first = "", time.monotonic(), 0

    def values(self, progress: WorkProgress | None) -> dict[str, Any] | None:
        """The values that `Toolbar.set` shows; None: nothing is shown."""
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

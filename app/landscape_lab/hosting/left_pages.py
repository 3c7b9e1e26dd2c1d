"""When pages were left or ended, as the server that shows them finds by looking now and then."""

import time
from collections.abc import Callable, Collection

MOST = 1000
"""Pages that are remembered after they were left; the first of them are forgotten first."""


class LeftPages:
    """Names of pages, and since when nobody is in front of them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """No page is known yet; `clock` gives the time in seconds."""
        self._clock = clock
        self._there: set[str] = set()
        self._left: dict[str, float] = {}

    def update(self, there: Collection[str], left: Collection[str]) -> None:
        """Note the pages that there are now, and of those among them that were left."""
        now = self._clock()
        for page in (*left, *self._there.difference(there)):
            self._left.setdefault(page, now)
        for page in set(there).difference(left):
            self._left.pop(page, None)
        self._there = set(there)
        for page in list(self._left)[: max(0, len(self._left) - MOST)]:
            del self._left[page]

    def since(self, page: str) -> float | None:
        """Seconds since a page was left or ended; None while it is there or on its way."""
        at = self._left.get(page)
        return None if at is None else self._clock() - at

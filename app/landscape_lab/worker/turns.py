"""The pages of a process draw in turn, so that none waits longer than the others.

One page draws at a time, in the order in which they asked, and between two of them the server
answers what has come meanwhile: a visitor who opens a page, a button that was pressed. Who has
drawn goes to the end of the line with its next picture, so all who play get equally many.
"""

import contextlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator

LATEST = 0.3
"""Weight of the latest wait in the moving average."""

UNNOTICED = 0.05
"""Seconds that a page alone may wait for its turn, on a busy machine."""

PAUSES, LONGEST_PAUSE = 4.0, 2.0
"""How often the wait for a turn the smaller figures stay as they are, up to so many seconds."""

LONGEST = 5.0
"""Seconds after which a page that has its turn and does not draw is passed over."""


class Turns:
    """The page that draws now, those that wait, and how long they wait."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Nobody waits; `clock` gives the time in seconds."""
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: OrderedDict[object, tuple[Callable[[], None], float]] = OrderedDict()
        self._has: object | None = None
        self._since = 0.0
        self._wait = 0.0
        self._working = 0
        self._worked = 0.0

    @contextlib.contextmanager
    def work(self) -> Iterator[None]:
        """While this block runs, a page has something to compute."""
        with self._lock:
            self._working += 1
        try:
            yield
        finally:
            with self._lock:
                self._working -= 1
                self._worked = self._clock()

    def wait(self) -> float:
        """Seconds that pages waited lately for their turn."""
        with self._lock:
            if self._has is None and self._clock() - self._since > LONGEST:
                self._wait = 0.0
            return self._wait

    def pause(self) -> float:
        """Seconds for which smaller figures may stay as they are; none where nobody waits."""
        wait = self.wait()
        return min(PAUSES * wait, LONGEST_PAUSE) if wait > UNNOTICED else 0.0

    def idle(self) -> float:
        """Seconds since a page computed or drew; none while one does."""
        with self._lock:
            if self._working:
                return 0.0
            return self._clock() - max(self._since, self._worked)

    def ask(self, page: object, start: Callable[[], None]) -> None:
        """Ask for a turn: `start` is called, from any thread, when it comes; then call `done`."""
        with self._lock:
            self._waiting.setdefault(page, (start, self._clock()))
        self.check()

    def done(self, page: object) -> None:
        """A page has drawn: it is the turn of the next, which it may be itself."""
        with self._lock:
            if self._has is page:
                self._has = None
        self.check()

    def leave(self, page: object) -> None:
        """A page draws no more."""
        with self._lock:
            self._waiting.pop(page, None)
        self.done(page)

    def check(self) -> None:
        """Give the turn to the next, if nobody has it, or has it for too long."""
        with self._lock:
            now = self._clock()
            if not self._waiting or (self._has is not None and now - self._since < LONGEST):
                return
            page, (start, asked) = self._waiting.popitem(last=False)
            self._has, self._since = page, now
            self._wait += LATEST * (now - asked - self._wait)
        start()


TURNS = Turns()
"""The turns of the pages of this process."""

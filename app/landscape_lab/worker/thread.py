"""The only threads of the app: one worker a page, whose latest update is shown.

A job is an iterator of updates. The worker drains it into a box with one place; the page empties
the box on its own thread. A new job makes older ones stale: their updates are dropped, and they
stop at their next item. The worker waits until it is the page's turn to draw, and while the
browser has not drawn what it was sent, however late server and browser are: more pictures would
only make them later. A job in a hurry leaves out those updates instead.
"""

import atexit
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from landscape_core.foundation.one_thread import ONE_THREAD
from landscape_lab.worker.turns import TURNS, Turns

WINDOW = 2
"""Pictures that may be on their way to the browser, sent and not yet drawn."""

PATIENCE = 1.0
"""Seconds after which an unanswered picture no longer holds the next one back, as in a window that
is hidden, where a browser draws nothing; more where answers take long."""

SLOWER = 4.0
"""Patience, in times the longest answer of late."""

HURRIED = 4.0
"""Time from one picture of a job in a hurry to the next, in times what the last took to draw: both
threads run Python, of which only one goes on at a time."""

CROWDED = 20.0
"""Patience, in times the wait for a turn."""

NONE = object()
"""Stands for an update where there is none."""

Work = Callable[[], Iterator[Any]]
"""Returns the updates of a job."""

_open_queues: "weakref.WeakSet[LatestJobQueue]" = weakref.WeakSet()


class Loop(Protocol):
    """An object that runs functions on the page's thread."""

    def soon(self, function: Callable[..., object], *arguments: object) -> None:
        """Run it there soon."""


@dataclass(frozen=True)
class Submission:
    """A job and the callbacks for its updates, its error and its end, on the page's thread.

    One that is in a hurry does not wait until an update can be shown, but for the last.
    """

    work: Work
    show: Callable[[Any], None]
    fail: Callable[[Exception], None]
    done: Callable[[], None]
    number: int
    hurry: bool = False


class LatestJobQueue:
    """Takes jobs from a page, one at a time; the newest replaces all older ones."""

    def __init__(self, loop: Loop, turns: Turns = TURNS) -> None:
        """An empty queue; the worker starts with the first job.

        Args:
            loop: the page's thread.
            turns: in which pages draw; by default those of this process.
        """
        self._loop, self._turns = loop, turns
        self._changed = threading.Condition()
        self._job: Submission | None = None
        self._number = 0
        self._closed = False
        self._update: tuple[Submission, Any] | None = None
        self._pumping = False
        self._sent = self._drawn = 0
        self._sent_at = self._answer = self._next_at = 0.0
        self._thread: threading.Thread | None = None
        self._former: threading.Thread | None = None
        _open_queues.add(self)

    def submit(
        self,
        work: Work,
        show: Callable[[Any], None],
        fail: Callable[[Exception], None],
        done: Callable[[], None],
        *,
        hurry: bool = False,
    ) -> None:
        """Start this job; the job before stops at its next item, and its updates are dropped."""
        with self._changed:
            if self._closed:
                return
            self._number += 1
            self._job = Submission(work, show, fail, done, self._number, hurry)
            self._update = None
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._serve, args=(self._former,), daemon=True, name="worker"
                )
                self._thread.start()
            self._changed.notify_all()

    def prepare(self, work: Work) -> None:
        """Do what will perhaps be of use, until there is a job; its end is not reported."""
        self.submit(work, _ignored, _ignored, _ignored)

    def glance(self, work: Work, show: Callable[[Any], None]) -> None:
        """Show what will be asked for again and again, until there is a job; no end is reported."""
        self.submit(work, show, _ignored, _ignored)

    def soon(self, function: Callable[[], object]) -> None:
        """Call a function on the page's thread, after what has come before."""
        self._loop.soon(function)

    def cancel(self) -> None:
        """Stop the present job at its next item, and drop its updates."""
        with self._changed:
            self._number += 1
            self._job = self._update = None
            self._changed.notify_all()

    def sent(self) -> int:
        """Number a picture that goes to the browser, which is to answer it with `drawn`."""
        with self._changed:
            self._sent += 1
            self._sent_at = time.monotonic()
            return self._sent

    def drawn(self, number: int) -> None:
        """The browser has drawn the picture of that number and all before it."""
        with self._changed:
            if self._drawn < number <= self._sent:
                self._drawn = number
                took = time.monotonic() - self._sent_at if number == self._sent else 0.0
                self._answer = max(took, 0.9 * self._answer)
            self._changed.notify_all()

    def rest(self) -> None:
        """Stop the work and end its thread, without waiting; the next job starts another."""
        with self._changed:
            self._number += 1
            self._job = self._update = None
            self._former, self._thread = self._thread or self._former, None
            self._pumping = False  # a turn that was asked for is given up
            self._changed.notify_all()
        self._turns.leave(self)

    def end(self) -> None:
        """Stop the work for good, without waiting: others of the process are to be answered."""
        with self._changed:
            self._closed = True
            self._job = self._update = None
            self._number += 1
            self._changed.notify_all()
        self._turns.leave(self)

    def close(self) -> None:
        """Stop the work for good, and wait until its thread has ended."""
        self.end()
        with self._changed:
            threads = (self._former, self._thread)
        for thread in threads:
            if thread is not None and thread is not threading.current_thread():
                thread.join(timeout=10)

    def _serve(self, former: threading.Thread | None) -> None:
        if former is not None:
            former.join()  # two at once would share the run
        ONE_THREAD.begin()  # another page's lab may be at work
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._over() or self._job is not None)
                if self._over():
                    return
                job, self._job = self._job, None
            if job is not None:
                with self._turns.work():
                    self._do(job)

    def _do(self, job: Submission) -> None:
        iterator: Iterator[Any] | None = None
        try:
            iterator = job.work()
            last = NONE
            for update in iterator:
                now = not job.hurry or (self._ready() and time.monotonic() > self._next_at)
                put = now and self._put(job, update)
                last = NONE if put else update
                if self._stale(job):
                    break
            else:
                if last is not NONE:
                    self._put(job, last)
                self._loop.soon(self._end, job)
        except Exception as error:
            self._loop.soon(self._report, job, error)
        finally:
            if iterator is not None and hasattr(iterator, "close"):
                iterator.close()

    def _put(self, job: Submission, update: Any) -> bool:
        """Put an update into the box once the page is ready for it; whether to go on.

        So the worker computes the next picture while the page draws this one.
        """
        with self._changed:
            while not self._changed.wait_for(lambda: self._stale(job) or self._ready(), PATIENCE):
                self._turns.check()
            if self._stale(job):
                return False
            self._update = (job, update)
            if not self._pumping:
                self._pumping = True
                self._turns.ask(self, lambda: self._loop.soon(self._draw))
            return True

    def _over(self) -> bool:
        """Whether the present thread is to end."""
        return self._closed or self._thread is not threading.current_thread()

    def _stale(self, job: Submission) -> bool:
        return job.number != self._number

    def _ready(self) -> bool:
        """Whether the page can take an update."""
        return not (self._update or self._behind())

    def _behind(self) -> bool:
        patience = max(PATIENCE, SLOWER * self._answer, CROWDED * self._turns.wait())
        late = time.monotonic() - self._sent_at > patience
        return self._sent - self._drawn >= WINDOW and not late

    def _draw(self) -> None:
        """On the page's thread, when it is its turn."""
        try:
            self._pump()
        finally:
            self._turns.done(self)

    def _pump(self) -> None:
        """On the page's thread: show the latest update, if it is still wanted."""
        with self._changed:
            self._pumping = False
            box, self._update = self._update, None
        if box is not None and not self._stale(box[0]):
            self._show(*box)
        with self._changed:
            self._changed.notify_all()

    def _show(self, job: Submission, update: Any) -> None:
        began = time.monotonic()
        try:
            job.show(update)
            self._next_at = began + HURRIED * (time.monotonic() - began)
        except Exception as error:  # what cannot be drawn once is not tried again and again
            if not self._stale(job):
                with self._changed:
                    self._number += 1
                job.fail(error)

    def _end(self, job: Submission) -> None:
        self._pump()
        if not self._stale(job):
            job.done()

    def _report(self, job: Submission, error: Exception) -> None:
        self._pump()
        if not self._stale(job):
            job.fail(error)


def _ignored(*_: object) -> None:
    pass


def _close_all() -> None:
    """At exit: a worker that outlives the interpreter aborts it."""
    for queue in list(_open_queues):
        queue.close()


atexit.register(_close_all)

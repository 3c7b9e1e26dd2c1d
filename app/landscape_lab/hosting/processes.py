"""Several processes that show the app, pinned to a core each, and replaced when they die.

One interpreter draws for about three pages at full speed; several that share the cores take them
from each other, which pinning prevents (measured: two pinned processes gave five times one).
"""

import asyncio
import json
import logging
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping

from landscape_lab.hosting import capacity, panel_process
from landscape_lab.hosting.handover import Line
from landscape_lab.hosting.left_pages import LeftPages
from landscape_lab.hosting.panel_process import (
    BUSY,
    END,
    LEFT,
    READY,
    SESSIONS,
    SPARE,
    VISITORS,
    WORKERS,
)
from landscape_lab.hosting.served import Served
from landscape_lab.hosting.spare_pages import Visitors, new_name
from landscape_lab.hosting.study_workers import StudyWorkers

LOG = logging.getLogger("landscape_lab.hosting")

REPLACE = 1.0
"""Seconds until a process that died is replaced."""

COMING = 60.0
"""Seconds for which a page is counted that was asked for and that no process has reported."""

STILLBORN = 3
"""Times in a row that a process may die before it is ready."""


class Place:
    """A place for a process; the pages of a process that dies are lost, its place stays."""

    def __init__(
        self, number: int, core: int | None, served: Served, workers: StudyWorkers
    ) -> None:
        """No process yet; it learns where the workers are when it asks for them."""
        self.number, self._workers = number, workers
        self.told: Callable[[], None] = _nothing
        """Called when its process has reported."""
        self.ready = asyncio.Event()
        self._core, self._served = core, served
        self._stillborn = 0
        self._open: set[str] = set()
        self.spare: list[str] = []
        """Sessions that its process has built already."""
        self.busy = False
        """Whether a page of its process computes."""
        self._coming: dict[str, float] = {}
        """Pages given to the process that it has not reported yet, and when."""
        self._left = LeftPages()
        self._line: Line | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def sessions(self) -> int:
        """How many pages its process shows."""
        earliest = time.monotonic() - COMING
        self._coming = {name: at for name, at in self._coming.items() if at > earliest}
        return len(self._open) + len(self._coming)

    @property
    def failed(self) -> bool:
        """Whether its process cannot be started."""
        return self._stillborn >= STILLBORN

    @property
    def pid(self) -> int | None:
        """The number of its process, if it is there."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start a process; `ready` is set once it answers."""
        ours, theirs = socket.socketpair()
        with theirs:
            argv = panel_process.command(self._served, self.number, theirs.fileno(), self._core)
            self._process = subprocess.Popen(argv, pass_fds=[theirs.fileno()])
        self._line = Line(ours, self._heard, self._lost)

    def open(self) -> str:
        """The name of a session that is about to be opened, counted from now on."""
        session = self.spare.pop(0) if self.spare else new_name(self.number)
        self._coming[session] = time.monotonic()
        return session

    def has(self, session: str) -> bool:
        """Whether this is a page of its process, or one on its way."""
        return session in self._open or session in self._coming

    def give(self, read: bytes, descriptor: int, session: str = "") -> None:
        """Give a connection to the process, with what has been read of it.

        Args:
            read: the head of its request.
            descriptor: its socket.
            session: that it opens, if it opens one.
        """
        if self._line is None:
            os.close(descriptor)
        else:
            self._line.send(session.encode("ascii") + b"\n" + read, descriptor)

    def left(self, session: str) -> float | None:
        """Seconds since a page was left or ended; None while it is there or on its way."""
        return self._left.since(session)

    def end_session(self, session: str) -> None:
        """End a page that was left, before its time to come back is over."""
        if self._line is not None and session in self._open:
            self._line.send(json.dumps({END: session}).encode())

    def report(self, where: Mapping[str, str]) -> None:
        """Report to the process where the workers are."""
        if self._line is not None:
            self._line.send(json.dumps({WORKERS: dict(where)}).encode())

    def report_visitors(self, visitors: Visitors) -> None:
        """Report to the process whom all of them together have to think of."""
        if self._line is not None:
            self._line.send(json.dumps({VISITORS: visitors}).encode())

    def end(self) -> None:
        """End the process: it stops when its line is cut."""
        if self._line is not None:
            self._line.close()
        if self._process is not None:
            try:
                # One that is still starting shows no page, and may not look at its line for long.
                self._process.wait(3 if self.ready.is_set() else 0)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _heard(self, message: bytes, descriptor: int | None) -> None:
        del descriptor
        told = json.loads(message)
        if READY in told:
            self._stillborn = 0
            self.ready.set()
        if WORKERS in told:
            self._workers.ask(self.report)
        if SESSIONS in told:
            self._left.update(told[SESSIONS], told[LEFT])
            self._open = set(told[SESSIONS])
            for session in self._open:
                self._coming.pop(session, None)
            self.spare = [one for one in told[SPARE] if one not in self._coming]
            self.busy = told[BUSY]
        self.told()

    def _lost(self) -> None:
        """The process has died: the sockets of its pages are closed, and they say so."""
        if not self.ready.is_set():
            self._stillborn += 1
        self.ready.clear()
        self._line = None
        self.busy = False
        self._left.update((), ())
        self._open.clear()
        self.spare.clear()
        self._coming.clear()
        status = None
        if self._process is not None:
            self._process.kill()
            status = self._process.wait()
        LOG.error("Process %s ended with status %s", self.number, status)
        if not self.failed:
            asyncio.get_running_loop().call_later(REPLACE, self.start)


class Processes:
    """The places, and which of them a visitor is given."""

    def __init__(self, count: int, served: Served) -> None:
        """No process is started yet."""
        cores = _cores()
        self.workers = StudyWorkers(served.workers)
        self.places = [
            Place(number, core, served, self.workers)
            for number, core in zip(range(count), cores, strict=False)
        ]
        self._reported: dict[int, Visitors] = {}
        """What was reported to each last."""
        for place in self.places:
            place.told = self._report

    @property
    def sessions(self) -> int:
        """How many pages all of them show."""
        return sum(place.sessions for place in self.places)

    async def start(self) -> None:
        """Start all, and wait until all are ready.

        Raises:
            RuntimeError: one could not be started.
        """
        for place in self.places:
            place.start()
        while not all(place.ready.is_set() for place in self.places):
            if any(place.failed for place in self.places):
                raise RuntimeError("the app could not be started; see above")
            await asyncio.sleep(0.05)

    async def start_unless(self, ended: asyncio.Event) -> bool:
        """Start all, and say whether they are ready before something else has ended.

        Raises:
            RuntimeError: one could not be started.
        """
        ready = asyncio.create_task(self.start())
        over = asyncio.create_task(ended.wait())
        await asyncio.wait({ready, over}, return_when=asyncio.FIRST_COMPLETED)
        over.cancel()
        if ready.done():
            await ready
            return True
        ready.cancel()
        return False

    def _report(self) -> None:
        visitors = self._visitors()
        for place in self.places:
            if not place.ready.is_set():
                self._reported.pop(place.number, None)
            elif self._reported.get(place.number) is not visitors:
                self._reported[place.number] = visitors
                place.report_visitors(visitors)

    def _visitors(self) -> Visitors:
        if self.sessions != 1:
            return Visitors.MANY
        busy = any(place.busy for place in self.places)
        return Visitors.WAITING if busy else Visitors.ALONE

    def end(self) -> None:
        """End all."""
        self.workers.end()
        for place in self.places:
            place.end()

    def emptiest(self) -> Place | None:
        """The place with the fewest pages whose process is there; None while there is none."""
        there = [place for place in self.places if place.ready.is_set()]
        return min(there, key=lambda place: place.sessions, default=None)


def _nothing() -> None:
    pass


def usual() -> int:
    """How many processes there are by default: one a core, as far as processors and memory go."""
    bears = min(int(capacity.processors()), capacity.places_in(capacity.free_memory()))
    return max(1, min(cores(), bears))


def cores() -> int:
    """On how many cores this process may run."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cores() -> Iterator[int | None]:
    """The cores on which this process may run, over and over; None where that cannot be said."""
    known = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [None]
    while True:
        yield from known

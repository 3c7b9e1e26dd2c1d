"""A process that shows the app with Panel, on connections that are given to it.

It listens nowhere: `front.py` accepts the connections, looks at their first request, and gives them
to one of these processes, or to the one that it is itself.
"""

import functools
import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from bokeh.server.server import BaseServer
from bokeh.server.tornado import BokehTornado
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop, PeriodicCallback
from tornado.iostream import IOStream

from landscape_lab.bridge.imports import uncollected
from landscape_lab.hosting import closed_connections
from landscape_lab.hosting.gate import SecurityHeaders
from landscape_lab.hosting.handover import Line
from landscape_lab.hosting.left_pages import LeftPages
from landscape_lab.hosting.served import Served
from landscape_lab.hosting.spare_pages import Pace, SparePages, Visitors
from landscape_lab.worker.elsewhere import ELSEWHERE
from landscape_lab.worker.second_process import SECOND_PROCESS

SWITCH = 0.001
"""Seconds after which a thread that computes lets others go on, which may have to answer."""

LOOK = 100
"""Milliseconds between two looks at how many sessions there are, and whether nothing goes on."""

UNUSED = 20_000
"""Milliseconds that a session may be without a page: left, or not yet connected."""

CHECK = 1_000
"""Milliseconds between two looks for such sessions, and for those that have asked for their end."""

READY = "ready"
SESSIONS = "sessions"
LEFT = "left"
SPARE = "spare"
BUSY = "busy"
WORKERS = "workers"
"""Keys of a process's reports; the last, sent without a page, asks where the workers are."""

VISITORS = "visitors"
"""The key under which a process learns of the visitors of all of them together."""

END = "end"
"""The key of what a process is asked: to end a page. Under `WORKERS` it gets their address."""

RETURN = 5.0
"""Seconds that a page whose connection closed has to connect again; BokehJS tries after two."""


class PanelServer:
    """Panel's server without a port of its own."""

    def __init__(self, served: Served, number: int = 0) -> None:
        """Run the app once, so that the first visitor need not wait for what it imports.

        Args:
            served: what is shown.
            number: of this process, with which the names of its sessions begin.
        """
        closed_connections.keep_quiet()
        SECOND_PROCESS.allowed = False  # the other cores are those of other pages
        with uncollected():
            # Panel puts its own handlers in place of Bokeh's.
            import panel.io.server as panel_server

            applications: dict[str, Any] = panel_server.build_applications(
                {f"/{served.script.stem}": str(served.script)}
            )
            for application in applications.values():
                _warm(application)
        if served.is_the_app:
            _warm_worker()
        self.application = BokehTornado(
            applications,
            prefix=served.prefix,
            extra_websocket_origins=["*"],  # the guard in front has looked at the origin
            index=panel_server.INDEX_HTML,
            ico_path=panel_server.DIST_DIR / "images" / "favicon.ico",
            unused_session_lifetime_milliseconds=UNUSED,
            check_unused_sessions_milliseconds=CHECK,
            transforms=[SecurityHeaders],
        )
        self.http = HTTPServer(self.application, xheaders=True)
        self.server = BaseServer(IOLoop.current(), self.application, self.http)
        self.server.start()
        (context,) = self.application.applications.values()
        self.spare = SparePages(context, served.page, number, served.spare)
        self._building = False
        self._connected: set[str] = set()
        """Sessions to which a page has been connected."""
        self._left = LeftPages()
        self._visitors: Visitors | None = None
        self.alone = True
        """Whether one page at most was open at the last look; to be read from any thread."""
        self.pace = Pace()
        PeriodicCallback(self._use_time, LOOK).start()
        PeriodicCallback(self._look, LOOK).start()

    @property
    def sessions(self) -> list[str]:
        """The sessions of the pages that are open, or were a moment ago."""
        known = {session.id for session in self.server.get_sessions()}
        return sorted(known.difference(self.spare.unopened))

    @property
    def deserted(self) -> list[str]:
        """Those of them whose page was left, or whose connection broke."""
        return sorted(
            session.id
            for session in self.server.get_sessions()
            if session.id in self._connected and not session.connection_count
        )

    def left(self, session: str) -> float | None:
        """Seconds since a page was left or ended; None while it is there or on its way."""
        return self._left.since(session)

    def end(self, name: str) -> None:
        """End a session at the next look, if its page was left."""
        for session in self.server.get_sessions():
            if session.id == name and name in self.deserted:
                session.request_expiration()

    def heard(self, message: bytes, descriptor: int | None) -> None:
        """Do what the process in front asks: take a connection, end a page, use workers."""
        if descriptor is not None:
            session, _, read = message.partition(b"\n")
            self.take(read, descriptor, session.decode("ascii"))
            return
        asked = json.loads(message)
        if END in asked:
            self.end(asked[END])
        if VISITORS in asked:
            self._visitors = Visitors(asked[VISITORS])
        if WORKERS in asked:
            ELSEWHERE.report(asked[WORKERS])

    def take(self, read: bytes, descriptor: int, session: str = "") -> None:
        """Answer a connection from now on, of which something has been read already.

        Args:
            read: the head of its first request.
            descriptor: its socket.
            session: which is about to be opened, if that is what is asked for.
        """
        if session:
            self.spare.take(session, UNUSED / 1000)
            self.pace.opened()
        self.pace.asked()
        connection = socket.socket(fileno=descriptor)
        try:
            address = connection.getpeername()
        except OSError:  # the browser has gone meanwhile
            connection.close()
            return
        self.http.handle_stream(_Begun(connection, read), address)

    def _look(self) -> None:
        """See which pages were left; end them soon, and those that have asked for it."""
        sessions = self.server.get_sessions()
        self.alone = len(self.sessions) <= 1
        self._connected.update(one.id for one in sessions if one.connection_count)
        self._connected.intersection_update(one.id for one in sessions)
        self._left.update(self.sessions, self.deserted)
        for name in self.deserted:
            if (self._left.since(name) or 0.0) > RETURN:
                self.end(name)
        for connection in list(self.application._clients):
            if connection.session.expiration_requested:
                connection._socket.close(1000)

    async def _use_time(self) -> None:
        """Build a spare page, if there is nothing else to do, or none was built for long."""
        count = len(self.sessions)
        visitors = self._visitors or (Visitors.ALONE if count == 1 else Visitors.MANY)
        if self.spare.wanted(count) and self.pace.due(visitors) and not self._building:
            self._building = True
            try:
                await self.spare.build()
            finally:
                self._building = False
                self.pace.built()


class _Begun(IOStream):
    """A connection of which something has been read already."""

    def __init__(self, connection: socket.socket, read: bytes) -> None:
        self._begun = memoryview(read)
        super().__init__(connection)

    def read_from_fd(self, buf: bytearray | memoryview) -> int | None:
        if not self._begun:
            return super().read_from_fd(buf)
        count = min(len(buf), len(self._begun))
        memoryview(buf)[:count] = self._begun[:count]
        self._begun = self._begun[count:]
        return count


def _warm(application: Any) -> None:
    """Open a page that nobody sees."""
    from panel.io.document import _cleanup_doc
    from panel.io.session import generate_session
    from panel.io.state import set_curdoc, state

    session = generate_session(application)
    with set_curdoc(session.document):
        state._on_load(None)
    _cleanup_doc(session.document, destroy=True)


def _warm_worker() -> None:
    """Compute the first picture of the first preset, and what it takes to go on from there."""
    from landscape_lab.state.link import opening
    from landscape_lab.state.preset import FIRST
    from landscape_lab.worker.worker import Job, Worker

    there = opening(FIRST)
    for _ in Worker(None).do(Job(there.scene, go=there, more=2)):
        pass


def run(served: Served, number: int, end: socket.socket) -> None:
    """Serve what comes over the line until that ends.

    Args:
        served: what is shown.
        number: of this process.
        end: our end of the line to `front.py`.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process in front
    loop = IOLoop.current()
    panel = PanelServer(served, number)
    known: dict[str, Any] = {}
    line: Line

    def report() -> None:
        nonlocal known
        told = {
            SESSIONS: panel.sessions, LEFT: panel.deserted, SPARE: panel.spare.names,
            BUSY: panel.pace.busy,
        }  # fmt: skip
        if known != told:
            known = told
            line.send(json.dumps(told).encode())

    def ask_for_workers() -> None:
        line.send(json.dumps({WORKERS: True}).encode())

    async def start() -> None:
        nonlocal line
        line = Line(end, panel.heard, loop.stop)
        line.send(json.dumps({READY: os.getpid()}).encode())
        PeriodicCallback(report, LOOK).start()
        if served.workers:
            ask = functools.partial(loop.add_callback, ask_for_workers)
            ELSEWHERE.use(ask, served.workers, lambda: panel.alone)

    loop.add_callback(start)
    loop.start()


def main(argv: list[str]) -> None:
    """Arguments as `command` gives them."""
    descriptor, number, core, script, prefix, spare, workers = argv
    if core and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {int(core)})
    sys.setswitchinterval(SWITCH)
    served = Served(Path(script), prefix, int(spare), int(workers))
    run(served, int(number), socket.socket(fileno=int(descriptor)))


def command(served: Served, number: int, descriptor: int, core: int | None) -> list[str]:
    """The command that starts process `number` with one end of a line, on a core or on all."""
    return [
        *(sys.executable, "-m", "landscape_lab.hosting.panel_process", str(descriptor)),
        *(str(number), "" if core is None else str(core)),
        *(str(served.script), served.prefix, str(served.spare), str(served.workers)),
    ]


if __name__ == "__main__":
    main(sys.argv[1:])

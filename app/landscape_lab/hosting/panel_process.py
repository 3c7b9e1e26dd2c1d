"""A process that shows the app with Panel, on connections that are given to it.

It listens nowhere: `front.py` accepts the connections, looks at their first request, and gives them
to one of these processes, or to the one that it is itself.
"""

import json
import os
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bokeh.server.server import BaseServer
from bokeh.server.tornado import BokehTornado
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop, PeriodicCallback
from tornado.iostream import IOStream

from landscape_lab.hosting.gate import SecurityHeaders
from landscape_lab.hosting.handover import Line

REPORT = 200
"""Milliseconds between two looks at how many sessions there are."""

UNUSED = 20_000
"""Milliseconds that a session may be without a page: closed, or not yet connected."""

CHECK = 10_000
"""Milliseconds between two looks for such sessions."""

READY = "ready"
SESSIONS = "sessions"


@dataclass(frozen=True)
class Served:
    """What is served: a script at a path in front of which a proxy may stand."""

    script: Path
    prefix: str = ""


class PanelServer:
    """Panel's server without a port of its own."""

    def __init__(self, served: Served) -> None:
        """Run the app once, so that the first visitor need not wait for what it imports."""
        # Panel puts its own handlers in place of Bokeh's.
        import panel.io.server as panel_server

        applications: dict[str, Any] = panel_server.build_applications(
            {f"/{served.script.stem}": str(served.script)}
        )
        for application in applications.values():
            _warm(application)
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

    @property
    def sessions(self) -> list[str]:
        """The sessions of the pages that are open, or were a moment ago."""
        return sorted(session.id for session in self.server.get_sessions())

    def take(self, read: bytes, descriptor: int) -> None:
        """Answer a connection from now on, of which something has been read already."""
        connection = socket.socket(fileno=descriptor)
        try:
            address = connection.getpeername()
        except OSError:  # the browser has gone meanwhile
            connection.close()
            return
        self.http.handle_stream(_Begun(connection, read), address)


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


def run(served: Served, end: socket.socket) -> None:
    """Serve what comes over the line until that ends.

    Args:
        served: what is shown.
        end: our end of the line to `front.py`.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process in front
    loop = IOLoop.current()
    panel = PanelServer(served)
    known: list[str] = []

    def report() -> None:
        nonlocal known
        if known != panel.sessions:
            known = panel.sessions
            line.send(json.dumps({SESSIONS: known}).encode())

    def received(message: bytes, descriptor: int | None) -> None:
        if descriptor is not None:
            panel.take(message, descriptor)

    async def start() -> None:
        nonlocal line
        line = Line(end, received, loop.stop)
        line.send(json.dumps({READY: os.getpid()}).encode())
        PeriodicCallback(report, REPORT).start()

    line: Line
    loop.add_callback(start)
    loop.start()


def main(argv: list[str]) -> None:
    """Arguments: file descriptor of the line, core or nothing, script, prefix."""
    descriptor, core, script, prefix = argv
    if core and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {int(core)})
    run(Served(Path(script), prefix), socket.socket(fileno=int(descriptor)))


def command(served: Served, descriptor: int, core: int | None) -> list[str]:
    """The command that starts this process with one end of a line."""
    return [
        *(sys.executable, "-m", "landscape_lab.hosting.panel_process", str(descriptor)),
        *("" if core is None else str(core), str(served.script), served.prefix),
    ]


if __name__ == "__main__":
    main(sys.argv[1:])

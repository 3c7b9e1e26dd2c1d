"""What stands in front of the processes that show the app: one address for all of them.

It accepts connections, lets the guard look at their first request, and hands them to a process
(`handover.py`): a new page to the one with the fewest, all that belongs to a page to its own. The
name of a page's session begins with the number of its process, so nothing need be remembered, and
no cookie is set. A connection carries one request, or one websocket; what a process then says to
the browser does not pass through here.
"""

import argparse
import asyncio
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bokeh.util.token import get_session_id
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPServerRequest
from tornado.netutil import bind_sockets
from tornado.routing import AnyMatches, Rule
from tornado.web import Application, HTTPError, RequestHandler

from landscape_lab.hosting import gate, handover, static_files, study_workers
from landscape_lab.hosting.access import PASSWORD
from landscape_lab.hosting.admission_queue import AdmissionQueue
from landscape_lab.hosting.guard import Guard
from landscape_lab.hosting.panel_process import PanelServer
from landscape_lab.hosting.processes import Place, Processes
from landscape_lab.hosting.served import Served
from landscape_lab.hosting.spare_pages import new_name
from landscape_lab.hosting.study_workers import StudyWorkers
from landscape_lab.worker.elsewhere import ELSEWHERE

SESSION = "Bokeh-Session-Id"
"""The header that gives Bokeh the name of a new session."""

OURS = frozenset({SESSION.lower(), "connection", "content-length", "transfer-encoding"})
"""Headers of a request that are written anew, or speak of what has been read: no body is given."""

NAMING = frozenset({"bokeh-session-id", "bokeh-token"})
"""Arguments of Bokeh by which a visitor would name the session of a page."""


class Behind:
    """What is behind the front: where a page is opened, and where one is found again."""

    def __init__(self, processes: Processes, own: PanelServer | None = None) -> None:
        """Pages are shown by other processes, or by this one."""
        self.processes, self.own = processes, own

    @property
    def sessions(self) -> int:
        """How many pages are shown."""
        return len(self.own.sessions) if self.own else self.processes.sessions

    def open(self) -> tuple[Place | None, str]:
        """The place for a new page, and the name of its session.

        Raises:
            HTTPError: no process is there at the moment (503).
        """
        if self.own:
            return None, next(iter(self.own.spare.names), new_name(0))
        place = self.processes.emptiest()
        if place is None:
            raise HTTPError(503, "the app is being started again")
        return place, place.open()

    def find(self, session: str) -> Place | None:
        """The place of a session; any, for a request without one, and none if it is this process.

        Bokeh would make a session of any name that a websocket has; only `open` counts them.

        Raises:
            HTTPError: there is no such session (404), or its process is not there (503).
        """
        if self.own:
            if session and session not in self.own.sessions:
                raise HTTPError(404, "there is no such page")
            return None
        number = session.partition("-")[0]
        if not session:
            place = self.processes.emptiest()
        elif number.isascii() and number.isdigit() and int(number) < len(self.processes.places):
            place = self.processes.places[int(number)]
        else:
            raise HTTPError(404, "there is no such page")
        if place is None or not place.ready.is_set():
            raise HTTPError(503, "the app is being started again")
        if session and not place.has(session):
            raise HTTPError(404, "there is no such page")
        return place

    def left(self, place: Place | None, session: str) -> float | None:
        """Seconds since a page was left or ended; None while it is there or on its way."""
        if place is not None:
            return place.left(session)
        assert self.own is not None
        return self.own.left(session)

    def end(self, place: Place | None, session: str) -> None:
        """End a page that was left, before its time to come back is over."""
        if place is not None:
            place.end_session(session)
        elif self.own:
            self.own.end(session)

    def give(self, place: Place | None, read: bytes, descriptor: int, session: str) -> None:
        """Give a connection to a place, and say which session it opens, if it opens one."""
        if place is None:
            assert self.own is not None
            self.own.take(read, descriptor, session)
        else:
            place.give(read, descriptor, session)


@dataclass(frozen=True)
class FrontPage:
    """A page that was opened."""

    behind: Behind
    place: Place | None
    session: str

    def left(self) -> float | None:
        """Seconds since it was left or ended; None while it is there or on its way."""
        return self.behind.left(self.place, self.session)

    def end(self) -> None:
        """End it soon, as it was left."""
        self.behind.end(self.place, self.session)


class GivingHandler(RequestHandler):
    """Gives the connection of a request away."""

    def initialize(self, behind: Behind, queue: AdmissionQueue, served: Served) -> None:
        """Keep what the rule says."""
        self.behind, self.queue, self.served = behind, queue, served
        self.given = False

    async def get(self) -> None:
        """Nothing is answered here, but that there is no room."""
        request, session, page = self.request, "", self.served.page
        if request.path == f"{page}/ws":
            place = self.behind.find(_session_of(request))
        elif request.method == "GET" and request.path in (page, f"{page}/"):
            if NAMING.intersection(request.arguments):
                raise HTTPError(403, "a visitor names no session")
            shown = f"{self.served.prefix}/static/recordings/" if self.served.is_the_app else ""
            turn = gate.asked(self, self.queue)
            if not turn.enters:
                gate.let_wait(self, turn, shown, fetches=bool(shown))
                return
            place, session = self.behind.open()
            self.queue.opened(turn.ticket, FrontPage(self.behind, place, session))
        elif request.method == "HEAD" or self.served.opens_nothing(request.path):
            place = self.behind.find("")
        else:
            raise HTTPError(404)
        stream = self.detach()
        descriptor = stream.socket.dup().detach()
        stream.close()
        self.given = True
        self.behind.give(place, head(request, session), descriptor, session)

    head = get

    def finish(self, chunk: Any = None) -> "asyncio.Future[None]":
        """Finish an answer, if it is given here."""
        if self.given:
            self._finished = True
            done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            done.set_result(None)
            return done
        return super().finish(chunk)


def head(request: HTTPServerRequest, session: str) -> bytes:
    """The head of a request as it was read, for one answer, with the name of a new session."""
    upgrade = request.headers.get("Upgrade")
    lines = [f"{request.method} {request.uri} {request.version}"]
    lines += [f"{k}: {v}" for k, v in request.headers.get_all() if k.lower() not in OURS]
    lines.append(f"Connection: {'Upgrade' if upgrade else 'close'}")
    if session:
        lines.append(f"{SESSION}: {session}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _session_of(request: HTTPServerRequest) -> str:
    """The session of a page's websocket, from its token."""
    words = [w.strip() for w in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
    try:
        return str(get_session_id(words[1]))
    except Exception as error:  # whatever is wrong with it
        raise HTTPError(403, "the page's token cannot be read") from error


def application(guard: Guard, behind: Behind, served: Served, most: int) -> Application:
    """The guard's rules, files that are answered here, and then everything to the processes.

    Args:
        guard: refuses requests.
        behind: where the others go.
        served: what is shown.
        most: pages at the same time.
    """
    queue = AdmissionQueue(lambda: most - behind.sessions)
    options = {"behind": behind, "queue": queue, "served": served}

    def report() -> dict[str, object]:
        return {"pages": behind.sessions, "places": most, "waiting": len(queue)}

    return Application(
        [
            *gate.rules(guard, report),
            *static_files.rules(served.prefix),
            Rule(AnyMatches(), GivingHandler, options),
        ],
        transforms=[gate.SecurityHeaders],
        compress_response=False,
    )


async def serve(asked: argparse.Namespace) -> None:
    """Serve until a signal comes."""
    password = os.environ.pop(PASSWORD, "")  # before processes inherit it
    for each in bind_sockets(asked.port, asked.address):
        each.close()  # an address that is taken is refused now, not after a minute
    prefix = f"/{asked.prefix.strip('/')}".rstrip("/")
    workers = asked.workers if study_workers.possible else 0
    served = Served(asked.script.resolve(), prefix, asked.spare, workers)
    several = asked.processes > 1 and handover.possible
    processes = Processes(asked.processes if several else 0, served)
    try:
        own = None if several else _own_server(served, processes.workers)
        ended = asyncio.Event()  # not earlier: until here a signal ends this process at once
        for sign in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(sign, ended.set)
        if not await processes.start_unless(ended):
            return
        guard = Guard.bound_to(
            asked.address, given=asked.origin, token=password, base=served.prefix
        )
        behind = Behind(processes, own)
        server = HTTPServer(application(guard, behind, served, asked.max_sessions), xheaders=True)
        # Not earlier: who connects is answered at once.
        server.add_sockets(bind_sockets(asked.port, asked.address))
        await ended.wait()
    finally:
        processes.end()


def _own_server(served: Served, workers: StudyWorkers) -> PanelServer:
    """The server of this process, which shows the pages itself."""
    server = PanelServer(served)
    if served.workers:
        loop = asyncio.get_running_loop()

        def ask() -> None:
            loop.call_soon_threadsafe(workers.ask, ELSEWHERE.report)

        ELSEWHERE.use(ask, served.workers, lambda: server.alone)
    return server


def main() -> None:
    """Serve what the command line says; `server.panel_command` writes it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("script", type=Path)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--address", required=True)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--max-sessions", type=int, required=True)
    parser.add_argument("--spare", type=int, default=0)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--prefix", default="")
    parser.add_argument("--origin", action="append", default=[])
    try:
        asyncio.run(serve(parser.parse_args()))
    except RuntimeError as error:
        sys.exit(f"landscape serve: {error}")


if __name__ == "__main__":
    main()

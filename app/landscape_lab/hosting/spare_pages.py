"""Pages that are built before anybody asks for them, while the server has nothing else to do.

Building a page takes a third of a second of its process, in which nobody else is answered, and
turning it into text another tenth. A class opens the app at once.
"""

import asyncio
import enum
import secrets
import time
import types
from collections.abc import Callable
from typing import Any

from bokeh.document import Document
from bokeh.server.contexts import ApplicationContext
from bokeh.server.session import ServerSession
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine
from tornado.ioloop import IOLoop

from landscape_lab.worker.turns import TURNS, Turns

QUIET = 1.0
"""Seconds without a request and a picture after which a process has nothing to do."""

BREATH = 1.0
"""Seconds between two spare pages while one page alone is open, here or in another process: its
visitor may press something soon, and the browser often shares the machine. Where several come, more
are to be expected."""

SELDOM = 20.0
"""Seconds between two spare pages that are built while others play, which stops them half a second
each."""


class Visitors(enum.StrEnum):
    """Whom all processes of the server together have to think of."""

    MANY = "many"
    """None, or several."""
    ALONE = "alone"
    """One page alone."""
    WAITING = "waiting"
    """One page alone, which computes."""


class Pace:
    """When a spare page may be built: mostly while nobody would notice."""

    def __init__(self, turns: Turns = TURNS, clock: Callable[[], float] = time.monotonic) -> None:
        """From now on, as soon as nothing goes on.

        Args:
            turns: of the pages of this process, which tell when they have nothing to do.
            clock: gives the time in seconds.
        """
        self._turns, self._clock = turns, clock
        self._asked_at = -QUIET
        self._seldom_at = self._built_at = clock()

    def asked(self) -> None:
        """A request has come."""
        self._asked_at = self._clock()

    def opened(self) -> None:
        """A page is about to be opened."""
        self._seldom_at = self._clock() + SELDOM

    def built(self) -> None:
        """A spare page has been built."""
        self._built_at = self._clock()
        self._seldom_at = self._built_at + SELDOM

    @property
    def busy(self) -> bool:
        """Whether a page of this process computes or draws, or did a moment ago."""
        return self._turns.idle() <= QUIET

    def due(self, visitors: Visitors) -> bool:
        """Whether one may be built now."""
        now = self._clock()
        breath = 0.0 if visitors is Visitors.MANY else BREATH
        rested = now > max(self._asked_at + QUIET, self._built_at + breath)
        waits = self.busy or visitors is Visitors.WAITING
        return (rested and not waits) or now > self._seldom_at


class SparePages:
    """Sessions of an application that no browser has been given yet."""

    def __init__(self, context: ApplicationContext, path: str, number: int, most: int) -> None:
        """None is built yet.

        Args:
            context: makes the sessions.
            path: at which the browser asks for a page.
            number: with which the names of the sessions begin.
            most: how many are kept while no page is open; fewer by each that is.
        """
        self._context, self._path, self._number, self._most = context, path, number, most
        self._sessions: dict[str, ServerSession] = {}
        self._begun = ""
        """The one that is being built."""

    @property
    def names(self) -> list[str]:
        """The sessions that are there."""
        return list(self._sessions)

    @property
    def unopened(self) -> set[str]:
        """These, and the one that is being built: sessions that are no pages."""
        return {*self._sessions, self._begun}

    def wanted(self, open_pages: int) -> bool:
        """Whether another would be of use, where this number of pages is open."""
        return len(self._sessions) + open_pages < self._most

    async def build(self) -> None:
        """Build one more, or none any more if it cannot be built."""
        name, most = new_name(self._number), self._most
        self._most, self._begun = 0, name
        session = await self._context.create_session_if_needed(name, _request(self._path))
        session.block_expiration()  # it may wait for its browser as long as it takes
        await asyncio.sleep(0)  # whoever has come meanwhile is answered between both halves
        _prepare(session.document)
        self._sessions[name] = session
        self._most, self._begun = most, ""

    def take(self, name: str, patience: float) -> None:
        """A browser is about to open this session, if it is one; it has so many seconds."""
        session = self._sessions.pop(name, None)
        if session is not None:
            IOLoop.current().call_later(patience, session.unblock_expiration)


def new_name(number: int) -> str:
    """The name of a session, which begins with the number of its process."""
    return f"{number}-{secrets.token_urlsafe(24)}"


def _prepare(document: Document) -> None:
    """Keep the text of a document for the first who asks, as long as nothing changes in it."""
    _name_styles(document)
    kept = document.to_json()

    def to_json() -> Any:
        forget(None)
        return kept

    def forget(event: Any) -> None:
        del event
        document.remove_on_change(forget)
        vars(document).pop("to_json", None)

    document.on_change(forget)
    vars(document)["to_json"] = to_json


def _name_styles(document: Document) -> None:
    """Let every style sheet come from this server, not from another machine.

    Panel does so when it sends the page, and tells nobody of the change.
    """
    from panel.io.resources import LOCAL_DIST, patch_model_css
    from panel.io.state import set_curdoc, state

    with set_curdoc(document):
        styles = f"{state.rel_path}/{LOCAL_DIST}" if state.rel_path else LOCAL_DIST
    for root in document.roots:
        patch_model_css(root, dist_url=styles)


def _request(path: str) -> HTTPServerRequest:
    """The request of nobody: the page reads what it needs from the browser once that is there."""
    nowhere: Any = types.SimpleNamespace(context=None)
    start = RequestStartLine("GET", path, "HTTP/1.1")
    headers = HTTPHeaders({"Host": "localhost"})
    return HTTPServerRequest(start_line=start, headers=headers, connection=nowhere)

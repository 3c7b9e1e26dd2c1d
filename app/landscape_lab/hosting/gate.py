"""The guard in front of a tornado application: rules, headers, and the pages it answers with.

    Application([*gate.rules(guard, report), *handlers], transforms=[gate.SecurityHeaders])

refuses what the guard refuses, asks for the password, and answers `health` without opening a page.
A handler that opens a page calls `asked` first, and `let_wait` for who may not enter.
"""

import asyncio
import http
from collections.abc import Callable, Container, Mapping
from pathlib import Path
from typing import Protocol
from urllib.parse import urlencode

from tornado import template
from tornado.httputil import HTTPHeaders, HTTPServerRequest
from tornado.routing import Matcher, PathMatches, Rule
from tornado.web import OutputTransform, RequestHandler

from landscape_lab.hosting import stage
from landscape_lab.hosting.admission_queue import AdmissionQueue, Turn
from landscape_lab.hosting.guard import HEADERS, Guard, Refusal

SHARED_PAGES = Path(__file__).resolve().parent / "share" / "pages"
PAGES = template.Loader(str(SHARED_PAGES))
RELOADS, WAITING, RETURNING = (
    SHARED_PAGES.joinpath(f"{name}.js").read_text("utf-8")
    for name in ("reloads", "waiting", "returning")
)

TICKET = "landscape-lab-ticket"
"""The cookie with the tickets of a browser's pages, the latest first, with dots between them."""
MOST_TICKETS = 8

SLOW_DOWN = 1.0
"""Seconds until a wrong password is answered."""

WRONG_AT_ONCE, WRONG_OF_ONE = 200, 3
"""Wrong passwords that wait for their answer at once, of all visitors and of one address.

While an address waits for so many, it is refused whatever it says; others are not.
"""


class Refuses(Protocol):
    """Says why requests are refused."""

    def refusal(self, request: HTTPServerRequest) -> Refusal | None:
        """Why a request is refused; None if it is not."""


Report = Callable[[], Mapping[str, object]]
"""What `health` says besides that the server answers, for instance how many pages are open."""


def rules(guard: Guard, report: Report = dict) -> list[Rule]:
    """The rules to put before all others of an application."""
    return [
        Rule(PathMatches(f"{guard.base}health"), HealthHandler, {"report": report}),
        Rule(_Refused(guard), RefusingHandler, {"guard": guard}),
        Rule(_Unknown(guard), PasswordHandler, {"guard": guard, "wrong": []}),
    ]


def asked(handler: RequestHandler, queue: AdmissionQueue, others: Container[str] = ()) -> Turn:
    """What the queue answers a visitor, whose browser keeps the ticket in a cookie.

    A visitor who enters must be counted in the room of the queue before anything is awaited;
    the handler then calls `queue.opened`.

    Args:
        handler: of the request.
        queue: of the visitors.
        others: tickets that are for other pages of the browser.
    """
    shown = (handler.get_cookie(TICKET) or "").split(".")[:MOST_TICKETS]
    turn = queue.ask(*[one for one in shown if one not in others])
    if not turn.enters:
        tickets = [turn.ticket, *(one for one in shown if one and one != turn.ticket)]
        handler.set_cookie(
            TICKET,
            ".".join(tickets[:MOST_TICKETS]),
            path=handler.request.path,
            httponly=True,
            samesite="Lax",
        )
    return turn


def let_wait(
    handler: RequestHandler, turn: Turn, recordings: str = "", *, fetches: bool = False
) -> None:
    """Answer with the page that waits and comes back with its ticket.

    Args:
        handler: of the request.
        turn: the answer of the queue.
        recordings: address of the folder of recorded runs, one of which is shown meanwhile.
        fetches: whether the page takes up what follows instead of being loaded again.
    """
    if turn.place:
        handler.set_status(503)
        handler.set_header("Retry-After", str(round(turn.retry)))
    shows = recordings and (fetches or turn.place)
    _write_page(
        handler,
        "waiting.html",
        place=turn.place,
        retry=turn.retry,
        stage=stage.markup(recordings, waits=True) if shows else "",
        fetches=fetches,
        script=f"{RELOADS}\n{WAITING}",
    )
    handler.finish()


def returns(recordings: str) -> str:
    """The beginning of a page whose ticket comes back while it is being sent, as `stage.before`."""
    return stage.before(recordings, f"<script>\n{RELOADS}\n{RETURNING}</script>\n")


def navigates(request: HTTPServerRequest) -> bool:
    """Whether a browser says that somebody opens a page in it (Fetch Metadata, W3C)."""
    return request.headers.get("Sec-Fetch-Mode") == "navigate" and _wants_page(request)


class SecurityHeaders(OutputTransform):
    """Adds the headers of `guard.HEADERS` to every answer, in place of others of these names."""

    def __init__(self, request: HTTPServerRequest) -> None:
        """Made by tornado for each request."""

    def transform_first_chunk(
        self,
        status_code: int,
        headers: HTTPHeaders,
        chunk: bytes,
        include_footers: bool,  # noqa: FBT001 - tornado's
    ) -> tuple[int, HTTPHeaders, bytes]:
        """Status, headers and content as they are, with our headers."""
        for name, value in HEADERS.items():
            headers[name] = value
        return status_code, headers, chunk


class HealthHandler(RequestHandler):
    """Says that the server answers. No page is opened, and any name will do."""

    def initialize(self, report: Report) -> None:
        """Keep what the rule says."""
        self.report = report

    def get(self) -> None:
        """Status 200 and a small object."""
        self.set_header("Cache-Control", "no-store")
        self.write({"status": "ok", **self.report()})

    head = get

    def check_xsrf_cookie(self) -> None:
        """Nothing changes here."""


class RefusingHandler(RequestHandler):
    """Says why a request is refused, whatever its method."""

    def initialize(self, guard: Refuses) -> None:
        """Keep what the rule says."""
        self.guard = guard

    def prepare(self) -> None:
        """The whole answer."""
        refusal = self.guard.refusal(self.request)
        status, reason = (refusal.status, refusal.reason) if refusal else (403, "")
        self.set_status(status)
        if _wants_page(self.request):
            _write_page(self, "refused.html", reason=reason)
        else:
            _write_text(self, reason)
        self.finish()


class PasswordHandler(RequestHandler):
    """Asks for the password. A visitor who has it gets a cookie, and what was asked for.

    The address stays the same, so that what stands behind its # is not lost.
    """

    def initialize(self, guard: Guard, wrong: list[str]) -> None:
        """Keep what the rule says; `wrong` holds an entry for each wrong word being answered."""
        self.guard = guard
        self.wrong = wrong

    async def get(self) -> None:
        """The form, or the page asked for if the address holds the password."""
        word = self.guard.shown(self.request)
        if word:
            await self._try(word)
        else:
            self._ask(401)

    async def post(self) -> None:
        """The page asked for, or the form again."""
        await self._try(self.get_body_argument("password", ""))

    def check_xsrf_cookie(self) -> None:
        """The guard has looked at the origin."""

    async def _try(self, word: str) -> None:
        address = self.request.remote_ip or ""
        if len(self.wrong) >= WRONG_AT_ONCE or self.wrong.count(address) >= WRONG_OF_ONE:
            self._ask(429, "Too many wrong passwords at the moment. Try again in a minute.")
        elif self.guard.opens(word):
            welcome(self, self.guard)
        else:
            self.wrong.append(address)
            await asyncio.sleep(SLOW_DOWN)
            self.wrong.remove(address)
            self._ask(401, "This is not the password.")

    def _ask(self, status: int, complaint: str = "") -> None:
        self.set_status(status)
        self.set_header("WWW-Authenticate", "Bearer")
        if _wants_page(self.request) or self.request.method == "POST":
            _write_page(self, "password.html", complaint=complaint)
        else:
            _write_text(self, complaint or "This server asks for a password.")
        self.finish()


def welcome(handler: RequestHandler, guard: Guard) -> None:
    """Remember by a cookie that the visitor knows the password, and lead on without it."""
    request = handler.request
    handler.set_cookie(
        guard.cookie_name(request),
        guard.cookie_value,
        path=guard.base,
        httponly=True,
        samesite="Lax",
        secure=request.headers.get("X-Forwarded-Proto", request.protocol) == "https",
        expires_days=30,
    )
    rest = [
        (name, value)
        for name, values in request.query_arguments.items()
        for value in values
        if name != "token"
    ]
    # Two slashes in front would lead to another host.
    path = f"/{request.path.lstrip('/')}"
    handler.redirect(f"{path}?{urlencode(rest)}" if rest else path, status=303)


class _Refused(Matcher):
    """Matches what the guard refuses."""

    def __init__(self, guard: Guard) -> None:
        self.guard = guard

    def match(self, request: HTTPServerRequest) -> dict[str, object] | None:
        return {} if self.guard.refusal(request) else None


class _Unknown(Matcher):
    """Matches requests without the password, and those whose address should hold it no longer."""

    def __init__(self, guard: Guard) -> None:
        self.guard = guard

    def match(self, request: HTTPServerRequest) -> dict[str, object] | None:
        shown = self.guard.token and self.guard.shown(request) and _wants_page(request)
        return {} if shown or not self.guard.admits(request) else None


def _wants_page(request: HTTPServerRequest) -> bool:
    return request.method in ("GET", "POST") and "text/html" in request.headers.get("Accept", "")


def _write_page(handler: RequestHandler, name: str, **values: object) -> None:
    handler.set_header("Content-Type", "text/html; charset=utf-8")
    handler.set_header("Cache-Control", "no-store")
    handler.write(PAGES.load(name).generate(**values))


def _write_text(handler: RequestHandler, reason: str) -> None:
    handler.set_header("Content-Type", "text/plain; charset=utf-8")
    handler.set_header("Cache-Control", "no-store")
    handler.write(
        f"{handler.get_status()} {http.HTTPStatus(handler.get_status()).phrase}: {reason}\n"
    )

"""Voila behind the guard.

    python -m landscape_lab.hosting.voila_server NOTEBOOK [options of Voila]

Voila's own server starts a kernel for each request of its page, answers to any name, and keeps the
kernels of pages that were closed. Its handlers stay; ours stand before them.
"""

import asyncio
import os
from typing import Any

from jupyter_core.utils import ensure_async
from tornado.ioloop import IOLoop
from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, StaticFileHandler
from traitlets import Float, List, Unicode
from voila.app import Voila
from voila.tornado.handler import TornadoVoilaHandler
from voila.tornado.kernel_websocket_handler import VoilaKernelWebsocketHandler

from landscape_lab.hosting import gate, stage
from landscape_lab.hosting.aborted_pages import AbortedPages
from landscape_lab.hosting.access import PASSWORD
from landscape_lab.hosting.admission_queue import AdmissionQueue, Turn
from landscape_lab.hosting.guard import Guard
from landscape_lab.hosting.limits import BoundedKernels
from landscape_lab.hosting.page_opening import OPENING, Opening

RECORDINGS_FOLDER = {"path": str(stage.RECORDINGS)}

RETURNS_IN = 5.0
"""Seconds in which the ticket of a page that was begun has to come back."""

MOST_BEGUN = 100
"""Pages that wait for their tickets at the same time."""

GOING_AWAY = 1001
"""How a browser closes the connection of a page that is left (RFC 6455, 7.4.1)."""


def recordings_of(base_url: str) -> str:
    """The address of the folder of recorded runs on a server."""
    return f"{base_url}voila/recordings/"


class GuardedVoila(Voila):
    """Voila whose requests pass the guard first, and whose visitors wait where all is taken."""

    name = "voila"  # of its settings, voila.json
    password = ""

    given_names = List(Unicode(), help="HOST or HOST:PORT that browsers use in addition.").tag(
        config=True
    )

    idle_timeout = Float(
        0.0, min=0, help="Seconds without a run or an input after which a page ends; 0: never."
    ).tag(config=True)

    def initialize(self, argv: list[str] | None = None) -> None:
        """Voila's; a SIGTERM that comes before the server listens ends it in order, too."""
        self.ioloop = IOLoop.current()
        AbortedPages.put_before(self.log)
        super().initialize(argv)

    def init_settings(self) -> dict[str, Any]:
        """Voila's settings, with the headers of every answer."""
        self.password = os.environ.pop(PASSWORD, "")  # before kernels inherit it
        self.voila_configuration.page_config_hook = self.page_config
        settings = super().init_settings()
        return {
            **settings,
            "transforms": [gate.SecurityHeaders],
            "xsrf_cookie_kwargs": {"path": self.base_url, "samesite": "Lax"},
        }

    def page_config(self, config: dict[str, Any], **_: Any) -> dict[str, Any]:
        """What Voila hands to the scripts of a page, and what `idle.js` asks for."""
        return {**config, "landscapeIdleTimeout": self.idle_timeout}

    def init_handlers(self) -> list[Any]:
        """Ours, then Voila's; the page and the connection of a kernel are ours too."""
        guard = Guard.bound_to(
            self.ip,
            given=self.given_names,
            token=self.password,
            base=self.base_url,
        )
        kernels: BoundedKernels = self.kernel_manager
        visitors = {"queue": AdmissionQueue(lambda: kernels.room), "begun": {}}

        def report() -> dict[str, object]:
            return {
                "pages": kernels.taken - kernels.preheated,
                "places": kernels.places,
                "preheated": kernels.preheated,
            }

        files = (recordings_of(self.base_url) + r"(.*\.json)", StaticFileHandler, RECORDINGS_FOLDER)
        handlers: list[Any] = [*gate.rules(guard, report), files]
        for rule in super().init_handlers():
            pattern, handler, *options = rule
            if handler is TornadoVoilaHandler:
                handlers.append((pattern, PageHandler, {**options[0], **visitors}))
            elif handler is VoilaKernelWebsocketHandler:
                handlers.append((pattern, ConnectionHandler, *options))
            else:
                handlers.append(rule)
        return handlers


class PageHandler(TornadoVoilaHandler):
    """The page: a kernel is started for it once the visitor is admitted.

    A browser that opens the page receives the recorded run at once. The script in front of it
    comes back with the visitor's ticket, and only then is a kernel started and the rest sent.
    """

    opening: Opening | None = None
    returning: asyncio.Future[None] | None = None

    def initialize(
        self, queue: AdmissionQueue, begun: "dict[str, PageHandler]", **options: Any
    ) -> None:
        """Keep what the rule says; `begun` are the pages by tickets that have not come back."""
        super().initialize(**options)
        self.queue = queue
        self.begun = begun

    async def get(self, path: str | None = None) -> None:
        """Send the page while its kernel runs the notebook."""
        file = bool(path and self.notebook_path)
        if file or not self.current_user:  # nothing is started
            if (sending := super().get(path)) is not None:  # else the login is asked for
                await sending
            return
        shown = recordings_of(self.base_url) if await self._shows_the_app(path) else ""
        turn = gate.asked(self, self.queue, self.begun)
        _ = (
            self.xsrf_token
        )  # sets the cookie without which a page that closes cannot end its kernel
        try:
            if turn.enters:
                self.enter(turn)
                if shown:
                    await self._begin(stage.before(shown))
            elif shown and not turn.place and self._may_begin():
                if not await self._returned(turn.ticket, shown):
                    return
            else:
                gate.let_wait(self, turn, shown)
                return
            OPENING.set(self.opening)
            await super().get(path)
            await self.flush()
        except StreamClosedError:
            self.on_connection_close()

    async def post(self, path: str | None = None) -> None:
        """The ticket of a page that was begun comes back; the page goes on if there is room."""
        turn = gate.asked(self, self.queue) if self.current_user else None
        page = self.begun.pop(turn.ticket, None) if turn else None
        entered = bool(turn and page and page.enter(turn))
        self.set_status(204 if entered else 409)
        await self.finish()

    def check_xsrf_cookie(self) -> None:
        """The ticket is the secret: its cookie does not come with what a foreign page sends."""

    def enter(self, turn: Turn) -> bool:
        """Whether the page is there still and let in; then its place is taken from now on."""
        if self.returning is not None:
            if self.returning.done():
                return False
            self.returning.cancel()
        if turn.enters:
            self.opening = self.kernel_manager.admit()
            self.queue.opened(turn.ticket, self.opening)
        return turn.enters

    def _may_begin(self) -> bool:
        return gate.navigates(self.request) and len(self.begun) < MOST_BEGUN

    async def _returned(self, ticket: str, recordings: str) -> bool:
        """Whether the ticket came back once the recorded run was sent, and the visitor is in."""
        self.returning = asyncio.get_running_loop().create_future()
        self.begun[ticket] = self
        try:
            await self._begin(gate.returns(recordings))
            await asyncio.wait({self.returning}, timeout=RETURNS_IN)
        finally:
            self.begun.pop(ticket, None)
            self.returning.cancel()
        return self.opening is not None

    async def _shows_the_app(self, path: str | None) -> bool:
        """Whether the notebook says that it shows the app."""
        try:
            model = await ensure_async(self.contents_manager.get(self.notebook_path or path))
        except HTTPError:  # Voila says what is wrong
            return False
        return stage.is_asked_for(model["content"])

    async def _begin(self, text: str) -> None:
        """Send the recorded run, which the browser shows while the kernel starts."""
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Cache-Control", "no-cache, no-store, must-revalidate")
        self.set_header("X-Accel-Buffering", "no")  # nginx would keep the end of it back
        self.write(text)
        await self.flush()

    def on_finish(self) -> None:
        """All has been sent, or the page could not be opened."""
        if self.opening is not None:
            self.kernel_manager.sent(self.opening)

    def on_connection_close(self) -> None:
        """The browser has closed the page, or its connection broke."""
        super().on_connection_close()
        if self.returning is not None:
            self.returning.cancel()
        if self.opening is not None:
            self.kernel_manager.abort(self.opening)


class ConnectionHandler(VoilaKernelWebsocketHandler):
    """The connection of a page to its kernel: says whether the page was left when it closes."""

    def on_close(self) -> None:
        """The page is connected no more."""
        super().on_close()
        if self.close_code == GOING_AWAY:
            self.kernel_manager.leave(self.kernel_id)


main = GuardedVoila.launch_instance

if __name__ == "__main__":
    main()

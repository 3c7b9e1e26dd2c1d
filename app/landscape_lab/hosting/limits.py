"""As many kernels as the machine bears; those without a page end.

Voila starts a kernel for each page. Without a limit, ninety of them fill 24 GB; without an end,
those of pages that were closed while they loaded, or whose network went away, stay.
`share/voila.json` names the class below for Voila, `binder/jupyter_server_config.json` for a
Jupyter server. The server imports it, which is why nothing of the laboratory is imported here.
"""

import asyncio
import time
from typing import Any

from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from tornado.ioloop import PeriodicCallback
from tornado.web import Finish, HTTPError
from traitlets import Float, Integer, default

from landscape_lab.hosting import capacity
from landscape_lab.hosting.page_opening import OPENING, Opening

LOOK_EVERY = 1.0
"""Seconds between two looks at kernels without a page."""

STARTING = 60.0
"""Seconds that a kernel is given where nobody says when its page has been sent."""


class BoundedKernels(AsyncMappingKernelManager):  # both servers ask for a subclass
    """Starts no more kernels than there are places, and ends those whose page is not there.

    A kernel of a page ends when its page was aborted while it was sent; when it did not connect
    within `opening` seconds after that (a page that asks about its kernel meanwhile is alive, and
    gets longer); when it was left, within `grace` seconds; and when its network has been away for
    `lost` seconds. Kernels that are preheated, or started by other programs, are only counted.
    """

    places = Integer(
        min=1, help="Kernels at the same time; by default as many as memory and processors bear."
    ).tag(config=True)
    opening = Float(
        20.0, min=0, help="Seconds that a page has to connect after all of it has been sent."
    ).tag(config=True)
    grace = Float(
        3.0, min=0, help="Seconds after which the kernel of a page that was left is ended."
    ).tag(config=True)
    lost = Float(
        25.0, min=0, help="Seconds that a page has to connect again when its connection broke."
    ).tag(config=True)

    def __init__(self, **options: Any) -> None:
        """Nothing is started; how many places there are does not change from now on."""
        self._coming: set[str] = set()
        self._ending: set[str] = set()
        self._openings: set[Opening] = set()
        """Pages on their way."""
        self._opened: dict[str, Opening] = {}
        """Pages by their kernels."""
        self._pages: set[str] = set()
        """Kernels of pages; others are not ended here."""
        self._due: dict[str, float] = {}
        """Kernels without a page, and when they end."""
        self._new: dict[str, float] = {}
        """Kernels without a page so far, and until when one that asks gets more time."""
        self._heated: set[str] = set()
        """Kernels that wait in one of Voila's pools for a page."""
        self._looking: PeriodicCallback | None = None
        super().__init__(**options)
        self.log.info("There are places for %s kernels", self.places)

    @default("places")
    def _as_the_machine_bears(self) -> int:
        return capacity.places()

    @property
    def taken(self) -> int:
        """How many places are taken, also by kernels that are being started or ended."""
        admitted = sum(not opening.kernel_id for opening in self._openings)
        return len(self._coming.union(self._kernels)) + admitted

    @property
    def room(self) -> int:
        """How many more pages can be opened: on free places and on preheated kernels."""
        self._find_pages_of_heated()
        return self.places - self.taken + sum(map(len, self._pools_of_voila))

    @property
    def preheated(self) -> int:
        """How many kernels wait for a page, all started."""
        return sum(task.done() for pool in self._pools_of_voila for task in pool)

    async def start_kernel(  # type: ignore[override] # Voila's and Jupyter's differ
        self, *, kernel_id: str | None = None, path: Any = None, **options: Any
    ) -> str:
        """The identifier of the kernel that was started.

        Raises:
            HTTPError: all places are taken (503).
            Finish: the page for which it was started is not wanted any more.
        """
        kernel_id = kernel_id or self.new_kernel_id()
        if kernel_id in self._kernels:
            return await super().start_kernel(kernel_id=kernel_id, path=path, **options)
        self._find_pages_of_heated()
        preheats = options.get("env", {}).get("VOILA_PREHEAT")
        opening = OPENING.get() if preheats == "False" else None
        self._take_place(kernel_id, opening)
        try:
            await super().start_kernel(kernel_id=kernel_id, path=path, **options)
        finally:
            self._coming.discard(kernel_id)
            if kernel_id not in self._kernels:  # did not start: the server could not be ended
                self._pending_kernels.pop(kernel_id, None)
                if opening := self._opened.pop(kernel_id, None):
                    opening.leave()
        if preheats is not None:
            self._watch()
        if preheats == "True":
            self._heated.add(kernel_id)
        elif preheats == "False":
            self._is_for_a_page(kernel_id, opening)
        if opening is not None and opening.aborted:
            await self.shutdown_kernel(kernel_id)
            raise Finish
        return kernel_id

    async def shutdown_kernel(self, kernel_id: str, *args: Any, **options: Any) -> None:  # type: ignore[override]
        """End a kernel; nothing happens if it is being ended already."""
        self._due.pop(kernel_id, None)
        if kernel_id in self._ending:
            return
        self._ending.add(kernel_id)
        if opening := self._opened.pop(kernel_id, None):
            opening.aborted |= opening in self._openings
            opening.leave()
        try:
            if kernel_id in self._new:
                await self._kill(kernel_id)
            await super().shutdown_kernel(kernel_id, *args, **options)
        finally:
            for known in (self._ending, self._pages, self._heated):
                known.discard(kernel_id)
            self._new.pop(kernel_id, None)

    def admit(self) -> Opening:
        """A page that may be opened: from now on it takes a place."""
        opening = Opening()
        self._openings.add(opening)
        return opening

    def sent(self, opening: Opening) -> None:
        """All of a page has been sent: it must connect to its kernel soon."""
        self._find_pages_of_heated()
        self._openings.discard(opening)
        if not opening.kernel_id:  # there was no page to be shown
            opening.leave()
        if opening.kernel_id in self._new and not opening.aborted:
            self._due[opening.kernel_id] = time.monotonic() + self.opening
            self._new[opening.kernel_id] = time.monotonic() + STARTING

    def abort(self, opening: Opening) -> None:
        """The browser does not want a page any more: its kernel ends."""
        self._find_pages_of_heated()
        self.log.info("A page was closed while it loaded; kernel %s ends", opening.kernel_id)
        opening.aborted = True
        opening.leave()
        self._openings.discard(opening)
        if opening.kernel_id in self._new:
            self._due[opening.kernel_id] = time.monotonic()

    def leave(self, kernel_id: str) -> None:
        """A page was left, and will not connect again."""
        if kernel_id in self._due:
            self._due[kernel_id] = time.monotonic() + self.grace

    def notify_connect(self, kernel_id: str) -> None:
        """A page is connected to a kernel."""
        super().notify_connect(kernel_id)
        self._due.pop(kernel_id, None)
        self._new.pop(kernel_id, None)
        if opening := self._opened.get(kernel_id):
            opening.left_at = None

    def notify_disconnect(self, kernel_id: str) -> None:
        """A page is connected no more: left, loaded anew, or its network is gone."""
        super().notify_disconnect(kernel_id)
        connected = self._kernel_connections.get(kernel_id, 0)
        if kernel_id in self._pages and kernel_id not in self._ending and not connected:
            self._due[kernel_id] = time.monotonic() + self.lost
            if opening := self._opened.get(kernel_id):
                opening.leave()

    def kernel_model(self, kernel_id: str) -> dict[str, Any]:
        """What the server says about a kernel; a page that asks while it loads is alive.

        It gets longer to connect, up to a minute: programs that only list kernels keep none.
        """
        model: dict[str, Any] = super().kernel_model(kernel_id)
        if kernel_id in self._new and kernel_id in self._due:
            longer = min(self._new[kernel_id], time.monotonic() + self.lost)
            self._due[kernel_id] = max(self._due[kernel_id], longer)
        return model

    async def end_due(self) -> None:
        """End the kernels whose time without a page is over."""
        self._find_pages_of_heated()
        now = time.monotonic()
        for kernel_id in self._due.keys() & self._opened.keys():
            opening = self._opened[kernel_id]
            if opening.hurried and opening.left_at is not None:
                self._due[kernel_id] = now
        due = [known for known, at in self._due.items() if at <= now]
        self._due = {known: at for known, at in self._due.items() if at > now}
        ended = (self.shutdown_kernel(known) for known in due if known in self._kernels)
        for problem in await asyncio.gather(*ended, return_exceptions=True):
            if problem is not None:
                self.log.warning("A kernel without a page did not end: %s", problem)

    @property
    def _pools_of_voila(self) -> list[list[asyncio.Task[dict[str, Any]]]]:
        """Kernels that wait for a page, where Voila preheats them."""
        return list(getattr(self, "_pools", {}).values())

    def _is_for_a_page(self, kernel_id: str, opening: Opening | None) -> None:
        self._pages.add(kernel_id)
        self._new[kernel_id] = time.monotonic() + STARTING + self.opening
        if opening is None:
            self._due[kernel_id] = time.monotonic() + STARTING + self.opening

    def _find_pages_of_heated(self) -> None:
        """Voila does not say which kernel it has taken out of a pool for which page."""
        pooled = {
            task.result()["kernel_id"]
            for pool in self._pools_of_voila
            for task in pool
            if task.done() and not task.exception()
        }
        for kernel_id in self._heated - pooled:
            self._heated.discard(kernel_id)
            if self._kernel_connections.get(kernel_id, 0):
                self._pages.add(kernel_id)
                continue
            self._is_for_a_page(kernel_id, None)
            for opening in self._openings:
                if not opening.kernel_id:  # perhaps that of another page, which then has more time
                    self._belongs(kernel_id, opening)
                    break

    def _take_place(self, kernel_id: str, opening: Opening | None) -> None:
        admitted = opening is not None and opening in self._openings
        if self.taken - admitted >= self.places:
            asyncio.get_running_loop().call_soon(self._drop_refused)
            raise HTTPError(503, f"all places are taken ({self.places})")
        self._coming.add(kernel_id)  # before anything is awaited: others may come meanwhile
        if opening is not None:
            self._belongs(kernel_id, opening)

    def _belongs(self, kernel_id: str, opening: Opening) -> None:
        opening.kernel_id = kernel_id
        self._opened[kernel_id] = opening

    async def _kill(self, kernel_id: str) -> None:
        """End a kernel that nobody has used: interrupted while it imports, it would say where."""
        kernel = self.get_kernel(kernel_id)
        if kernel.provisioner is not None and kernel.has_kernel:
            kernel.stop_restarter()
            await kernel.provisioner.kill()

    def _watch(self) -> None:
        if self._looking is None:
            self._looking = PeriodicCallback(self.end_due, 1000 * LOOK_EVERY)
            self._looking.start()

    def _drop_refused(self) -> None:
        """Take out of Voila's pools the kernels that were refused: it stumbles over them."""
        for pool in self._pools_of_voila:
            pool[:] = [task for task in pool if not (task.done() and task.exception())]

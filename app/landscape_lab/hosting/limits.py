"""As many kernels as the memory holds: the page of who comes later says that all are taken.

Voila starts a kernel for each request of its page, also for one that is aborted or that an image of
a foreign page makes; without a limit, ninety of them fill 24 GB. `share/voila.json` names the class
below for Voila, `binder/jupyter_server_config.json` for a Jupyter server. It is imported by the
server, which is why nothing of the laboratory is imported here.
"""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from tornado.web import HTTPError
from traitlets import Float, Integer, default

MEGABYTE = 2**20

EACH = 480 * MEGABYTE
"""What a kernel takes: 400 to 460 MB were measured, on the first presets."""

RESERVE = 256 * MEGABYTE
"""What is left to the server and to the rest of the machine."""

GROUPS = Path("/sys/fs/cgroup")
LIMITS = (
    ("memory.max", "memory.current", "memory.stat"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat"),
)
"""Where control groups of version 2 and 1 say what they allow, what is used, and of what kind."""


class BoundedKernels(AsyncMappingKernelManager):  # both servers ask for a subclass
    """Starts no more kernels than there are places, counting those that are on their way.

    Where all are taken, the place of a kernel that no page is connected to any more is given to who
    comes. Where there is none, the request is refused with status 503, for which our template has a
    page that asks again by itself.
    """

    places = Integer(
        min=1, help="Kernels at the same time; by default as many as the memory holds."
    ).tag(config=True)
    grace = Float(
        10.0, min=0, help="Seconds that a page has to connect again before its place is given away."
    ).tag(config=True)
    opening = Float(
        60.0, min=0, help="Seconds that a page has to connect to its kernel for the first time."
    ).tag(config=True)

    def __init__(self, **options: Any) -> None:
        """Nothing is started; how many places there are does not change from now on."""
        self._coming: set[str] = set()
        self._alone: dict[str, float] = {}
        """Kernels without a page, and from when on their places may be given away."""
        super().__init__(**options)
        self.log.info("There are places for %s kernels", self.places)

    @default("places")
    def _as_memory_holds(self) -> int:
        return places_in(free_memory())

    @property
    def taken(self) -> int:
        """How many places are taken, also by kernels that are being started or ended."""
        return len(self._coming.union(self._kernels))

    async def start_kernel(  # type: ignore[override] # Voila's and Jupyter's differ
        self, *, kernel_id: str | None = None, path: Any = None, **options: Any
    ) -> str:
        """The identifier of the kernel that was started.

        Raises:
            HTTPError: all places are taken (503).
        """
        kernel_id = kernel_id or self.new_kernel_id()
        if kernel_id in self._kernels:
            return await super().start_kernel(kernel_id=kernel_id, path=path, **options)
        full = self.taken >= self.places
        given_up = self._given_up() if full else None
        if full and given_up is None:
            asyncio.get_running_loop().call_soon(self._drop_refused)
            raise HTTPError(503, f"all places are taken ({self.places})")
        self._coming.add(kernel_id)  # before anything is awaited: others may come meanwhile
        try:
            if given_up is not None:
                await self.shutdown_kernel(given_up)
            await super().start_kernel(kernel_id=kernel_id, path=path, **options)
        finally:
            self._coming.discard(kernel_id)
            if kernel_id not in self._kernels:  # did not start: the server could not be ended
                self._pending_kernels.pop(kernel_id, None)
        if options.get("env", {}).get("VOILA_PREHEAT") != "True":  # such a kernel waits for a page
            self._alone.setdefault(kernel_id, time.monotonic() + self.opening)
        return kernel_id

    def notify_connect(self, kernel_id: str) -> None:
        """A page is connected to a kernel."""
        super().notify_connect(kernel_id)
        self._alone.pop(kernel_id, None)

    def notify_disconnect(self, kernel_id: str) -> None:
        """A page is connected no more: closed, loaded anew, or its network is gone."""
        super().notify_disconnect(kernel_id)
        if not self._kernel_connections.get(kernel_id, 0):
            self._alone[kernel_id] = time.monotonic() + self.grace

    def _given_up(self) -> str | None:
        """The kernel that has been without a page for longest, if its place may be given away."""
        now = time.monotonic()
        self._alone = {known: at for known, at in self._alone.items() if known in self._kernels}
        ready = [
            (at, known)
            for known, at in self._alone.items()
            if at <= now and self._kernels[known].execution_state != "busy"
        ]
        if not ready:
            return None
        _, found = min(ready)
        del self._alone[found]  # whoever comes meanwhile must not take it too
        return found

    def _drop_refused(self) -> None:
        """Take out of Voila's pools the kernels that were refused: it stumbles over them."""
        for pool in getattr(self, "_pools", {}).values():
            pool[:] = [task for task in pool if not (task.done() and task.exception())]


def places_in(memory: int) -> int:
    """How many kernels so many bytes hold; one at least."""
    return max(1, (memory - RESERVE) // EACH)


def free_memory() -> int:
    """Bytes that are free on the machine and in the container."""
    return min([psutil.virtual_memory().available, *_left_in_groups()])


def _left_in_groups() -> Iterator[int]:
    for limit, used, kinds in LIMITS:
        try:
            most = (GROUPS / limit).read_text().strip()
            taken = int((GROUPS / used).read_text())
            counters = dict(line.split() for line in (GROUPS / kinds).read_text().splitlines())
        except (OSError, ValueError):
            continue
        # Files that were read lately count as used, and are given up when memory is needed.
        cached = int(counters.get("total_inactive_file", counters.get("inactive_file", 0)))
        if most != "max":
            yield max(0, int(most) - taken + cached)

"""Heavy work in worker processes of the server, so that the other pages of a process go on.

What a page computes in its own process takes time from all pages that the process shows: only one
thread of Python runs at a time. A study of a paused run, which takes seconds, goes to a worker of
`dask.distributed` instead; live pictures, of some milliseconds each, stay.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from landscape_core.foundation.errors import BackendError
from landscape_core.slices.cluster_keys import Keys
from landscape_core.slices.cluster_steps import LOOK, remote_steps

if TYPE_CHECKING:
    from distributed import Client

T = TypeVar("T")

PATIENCE = 120.0
"""Seconds for the workers to start, at low priority on a busy machine; then it is computed here."""

CONNECTING = 20.0
"""Seconds to connect to their scheduler."""

ROOM = 256 * 2**20
"""Bytes of all that this process has sent to workers and that is under way there."""


class Elsewhere:
    """The worker processes for the pages of this process, if the server has any."""

    def __init__(self) -> None:
        """There are none: everything is computed here."""
        self.count = 0
        self.alone: Callable[[], bool] = _never
        self._ask: Callable[[], None] | None = None
        self._changed = threading.Condition()
        self._reported: Mapping[str, str] | None = None
        self._client: Client | None = None
        self._sent = 0

    @property
    def exists(self) -> bool:
        """Whether there are workers, or would be if they were asked for."""
        return self._ask is not None

    def use(
        self,
        ask: Callable[[], None] | None,
        count: int = 1,
        alone: Callable[[], bool] | None = None,
    ) -> None:
        """Use workers from now on, or none.

        Args:
            ask: asks for their address, which `report` then gets; from any thread.
            count: how many there are.
            alone: whether this process shows one page at most, which then may compute here too
                without taking time from others; from any thread. By default it never does.
        """
        self._ask, self.count, self.alone = ask, count if ask else 0, alone or _never

    def prepare(self) -> None:
        """Have the workers started, if there are any and nobody has asked: they are needed soon."""
        if self._ask is not None and not self._arrived():
            self._ask()

    def report(self, reported: Mapping[str, str]) -> None:
        """Say where the workers are: `address`, `certificate` and `key`; nothing if nowhere."""
        with self._changed:
            self._reported = reported
            self._changed.notify_all()

    def arriving(self, interval: float = LOOK) -> Iterator[None]:
        """Wait until the workers are there, or cannot be had; None every so many seconds."""
        if self.exists:
            yield from self._connected(interval)

    def items(self, call: Callable[[], Iterator[T]], interval: float = LOOK) -> Iterator[T | None]:
        """What `call` yields, from a worker, and None now and then while there is nothing new.

        It is computed here where there is no worker, or where it cannot be sent.

        Args:
            call: returns the iterator.
            interval: seconds of waiting for a worker's answer after which None comes.

        Raises:
            BackendError: the worker died of it, or with it.
        """
        packed = _packed(call) if self.exists else b""
        for again in (True, False):
            client = (yield from self._connected(interval)) if packed else None
            if client is None:
                yield from call()
                return
            begun = False
            try:
                for found in self._remote(client, packed, interval):
                    begun = begun or found is not None
                    yield found
            except BackendError:
                if begun or not again:  # else the workers were perhaps gone before, unnoticed
                    raise
            else:
                return

    def _remote(self, client: "Client", packed: bytes, interval: float) -> Iterator[Any]:
        """The items from a worker, as soon as there is room for the work."""
        yield from self._room_for(len(packed), interval)
        try:
            yield from remote_steps(client, packed, interval)
        finally:
            with self._changed:
                self._sent -= len(packed)
                self._changed.notify_all()

    def close(self) -> None:
        """Leave the workers, if there are any."""
        with self._changed:
            client, self._client, self._reported = self._client, None, None
        if client is not None:
            client.close(timeout=1)

    def _arrived(self) -> bool:
        return self._reported is not None or self._client is not None

    def _room_for(self, size: int, interval: float) -> Iterator[None]:
        """Take room for this number of bytes as soon as there is; what is larger goes alone."""
        while True:
            with self._changed:
                if self._changed.wait_for(
                    lambda: not self._sent or self._sent + size < ROOM, interval
                ):
                    self._sent += size
                    return
            yield None

    def _connected(self, interval: float) -> Generator[None, None, "Client | None"]:
        """The way to the workers; None where there is none."""
        with self._changed:
            client = self._client
            if client is not None and client.status == "running":
                return client
            self._client = self._reported = None
        if client is not None:  # its workers are gone
            client.close(timeout=1)
        end = time.monotonic() + PATIENCE
        if self._ask is not None:
            self._ask()
        while time.monotonic() < end:
            with self._changed:
                if self._changed.wait_for(self._arrived, interval):
                    return self._connect()
            yield None
        return None

    def _connect(self) -> "Client | None":
        """Connect to what was reported, with the lock held, so that it is done once."""
        if self._client is None and self._reported:
            from distributed import Client

            logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # we say it
            reported, self._reported = self._reported, None
            keys = Keys(reported["certificate"], reported["key"])
            with contextlib.suppress(OSError, ValueError):
                self._client = Client(
                    reported["address"], security=keys.security(), timeout=CONNECTING
                )
        return self._client


def _never() -> bool:
    return False


def _packed(call: Callable[[], Any]) -> bytes:
    """A function as bytes; none where it cannot be sent."""
    try:
        import cloudpickle

        return bytes(cloudpickle.dumps(call))
    except Exception:  # a part of the user's own may refuse in any way
        return b""


ELSEWHERE = Elsewhere()
"""The workers for the pages of this process."""

"""A generator that goes on step by step on a worker of a `dask.distributed` cluster.

Several generators share a worker: each is an actor, of which one step is made at a time, so nobody
waits for more than the present step of the others.
"""

import contextlib
import ctypes
import threading
import time
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from landscape_core.foundation.errors import BackendError

if TYPE_CHECKING:
    from distributed import Client

T = TypeVar("T")

LOOK = 0.5
"""Seconds between two looks at whether a step is done, and whether anybody still wants it."""

STOPPING = 5.0
"""Seconds for the message that nobody wants the generator any more."""

LOST = (
    "The worker process ended, perhaps because it took too much memory. Another takes its place: "
    "change a setting, or make a step, to compute this again."
)


class Stopped(BaseException):
    """Raised in the midst of a step that nobody wants any more."""


class Steps:
    """A generator on a worker; its methods are called from afar."""

    def __init__(self, packed: bytes) -> None:
        """Unpack a function without arguments, which returns an iterator."""
        import cloudpickle

        self._items: Iterator[Any] = iter(cloudpickle.loads(packed)())
        self._lock = threading.Lock()
        self._thread: int | None = None
        self._over = False

    def advance(self) -> tuple[Any, ...]:
        """The next item, in a tuple; an empty one at the end. None does not travel at once."""
        try:
            with self._lock:
                if self._over:
                    return ()
                self._thread = threading.get_ident()
            try:
                return self._next()
            finally:
                with self._lock:
                    self._thread = None
        except Stopped:
            return ()

    def _next(self) -> tuple[Any, ...]:
        end = time.monotonic() + LOOK / 2
        for item in self._items:
            if item is not None or time.monotonic() > end:
                return (item,)
        return ()

    async def stop(self) -> None:
        """Make no more steps, and break off the present one; on the worker's event loop."""
        with self._lock:
            if self._thread is not None and not self._over:
                _raise_in(self._thread)
            self._over = True


def _raise_in(thread: int) -> None:
    """Raise `Stopped` in a thread at its next line of Python."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(Stopped))


def remote_steps(client: "Client", packed: bytes, interval: float = LOOK) -> Iterator[Any]:
    """The items of a generator that runs on a worker, and None now and then while there is none.

    The worker makes the next item while the last one is used. Closing the iterator ends the work.

    Args:
        client: of the cluster.
        packed: a function that returns the iterator, as `cloudpickle.dumps` packs it.
        interval: seconds of waiting after which None comes; 0: at once, as long as nothing is done.

    Raises:
        BackendError: the worker is gone, with what it was at.
        Exception: what the generator raises.
    """
    import dask

    with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1TB"}):
        future = client.submit(Steps, packed, actor=True, pure=False)
    steps: Any = None  # the worker's, where each call returns a future
    try:
        steps = yield from _waited(client, future, interval)
        coming = steps.advance()
        while found := (yield from _waited(client, coming, interval)):
            coming = steps.advance()
            yield found[0]
    except GeneratorExit:  # nobody wants the rest
        with contextlib.suppress(Exception):
            if steps is not None:
                steps.stop().result(STOPPING)
        raise
    finally:
        with contextlib.suppress(Exception):
            client.cancel([future])


def _waited(client: "Client", future: Any, interval: float) -> Generator[None, None, Any]:
    """What comes in the end; yields while it does not."""
    from distributed import CancelledError, KilledWorker
    from distributed.comm.core import CommClosedError

    while True:
        try:
            # distributed itself stumbles over a time that is hardly any.
            if interval or future.done():
                return future.result(interval or LOOK)
        except TimeoutError:
            pass
        except (KilledWorker, CommClosedError, CancelledError) as error:
            raise BackendError(LOST) from error
        except (OSError, RuntimeError) as error:
            if "Actor" in str(error):  # that it was lost; else the work itself has failed
                raise BackendError(LOST) from error
            raise
        if client.status != "running":
            raise BackendError(LOST)
        yield None

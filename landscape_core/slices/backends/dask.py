"""Calls on the workers of a `dask.distributed` cluster: Rocklin, Dask, 2015.

What is called travels once to each worker and stays there; items go out and results come back one
by one. docs/cluster.md says how to start a cluster.
"""

import contextlib
import logging
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, TypeVar

import torch

from landscape_core.foundation.errors import BackendError
from landscape_core.foundation.recipes import Knob, Note
from landscape_core.slices.backends.base import Backend, UsesCard
from landscape_core.slices.cluster_keys import Keys

if TYPE_CHECKING:
    from distributed import Client

T = TypeVar("T")
R = TypeVar("R")

PATIENCE = 10.0
"""Seconds to wait for a scheduler to answer, and for its first worker."""

ATTEMPTS = 3
"""How many times what was lost with its worker is sent out anew."""

MISSING = "dask.distributed is not installed: pip install 'landscape-lab[cluster]'."

CALM = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "10s",
    "distributed.worker.memory.monitor-interval": "500ms",
}
"""Workers and scheduler else look at themselves up to a hundred times a second, which takes about a
tenth of two processors that they share with the work."""

KEEPING = {
    "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": 2**27,
    "distributed.nanny.pre-spawn-environ.MALLOC_MMAP_THRESHOLD_": 2**25,
}
"""glibc gives memory back to the system only above so many bytes. With Dask's own 64 KiB it does so
after every large tensor, which doubles the time of a Hessian; above the second is as far as glibc
goes by itself."""

SILENT: dict[str, list[str]] = {
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
}
"""What they show over HTTP is for everybody on the machine."""


@dataclass(frozen=True, kw_only=True)
class Dask(Backend):
    """On the workers of a running scheduler, or on processes of this machine for the one call."""

    label: ClassVar[str] = "dask.distributed"

    scheduler: Annotated[
        str, Note("address of a running scheduler, as tcp://host:8786; empty: workers made here")
    ] = ""
    workers: Annotated[
        int, Knob(0, 10_000, "workers made here; 0: one a processor, or one a card")
    ] = 0
    threads: Annotated[int, Knob(1, 1024, "threads of each worker made here")] = 1

    def map(self, call: Callable[[T], R], items: Sequence[T]) -> Iterator[tuple[int, R]]:
        """(index, call(item)) of every item, as they come.

        Raises:
            BackendError: dask.distributed is not installed, the scheduler does not answer, it has
                no worker, or workers keep dying of the work.
        """
        with self._client(_cards(call)) as client:
            left = dict(enumerate(items))
            for _ in range(ATTEMPTS):
                for index, found in _results(client, call, left):
                    del left[index]
                    yield index, found
                if not left:
                    return
        raise BackendError(
            f"{len(left)} of {len(items)} tasks were lost with their workers {ATTEMPTS} times; "
            "perhaps the workers have too little memory."
        )

    @contextlib.contextmanager
    def _client(self, cards: int) -> Iterator["Client"]:
        try:
            from distributed import Client
        except ImportError as error:
            raise BackendError(MISSING) from error
        with contextlib.ExitStack() as stack:
            address = self.scheduler
            if not address:
                address = stack.enter_context(local_cluster(self.workers or cards, self.threads))
            try:
                client = stack.enter_context(Client(address, timeout=PATIENCE))
                client.wait_for_workers(1, timeout=PATIENCE)
            except (OSError, ValueError, TimeoutError) as error:
                where = self.scheduler or "the local cluster"
                message = f"{where} does not answer or has no worker after {PATIENCE:.0f} s."
                raise BackendError(message) from error
            yield client


@contextlib.contextmanager
def local_cluster(
    workers: int = 0, threads: int = 1, *, memory: int | None = None, keys: Keys | None = None
) -> Iterator[str]:
    """Workers on this machine, for as many slices as one likes; the address of their scheduler.

    Args:
        workers: how many; 0: one a processor.
        threads: how many tasks each does at once.
        memory: bytes of each worker, above which it is replaced; by default its fraction of all.
        keys: without which nobody may use it; by default any program of this machine may.

    Raises:
        BackendError: dask.distributed is not installed.
        SpecError: fewer workers or threads than there can be.
    """
    Dask(workers=workers, threads=threads)  # checks them
    try:
        import dask
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise BackendError(MISSING) from error
    limits = {} if memory is None else {"memory_limit": memory}
    with (
        dask.config.set({**CALM, **KEEPING, **({} if keys is None else SILENT)}),
        LocalCluster(
            n_workers=workers or None,
            threads_per_worker=threads,
            processes=True,
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.ERROR,
            protocol=None if keys is None else "tls://",
            security=None if keys is None else keys.security(),
            **limits,
        ) as cluster,
    ):
        with Client(cluster) as client:
            client.register_worker_callbacks(setup=_alone)
        yield cluster.scheduler_address


def _results(
    client: "Client", call: Callable[[T], R], items: dict[int, T]
) -> Iterator[tuple[int, R]]:
    """The results of items that did not get lost, as they come."""
    from distributed import as_completed

    shared = client.scatter(call, broadcast=True, hash=False)
    futures = {
        client.submit(_called, shared, item, pure=False): index for index, item in items.items()
    }
    try:
        for future, found in as_completed(futures, with_results=True, raise_errors=False):
            if future.status == "finished":
                yield futures[future], found
            elif future.status == "error" and not _lost(future.exception()):
                raise future.exception()
    finally:
        client.cancel([*futures, shared])


def _alone() -> None:
    """Use one processor: workers made here share the machine by being many."""
    torch.set_num_threads(1)


def _called(call: Callable[[T], R], item: T) -> R:
    with _own_card(_cards(call)):
        return call(item)


def _cards(call: object) -> int:
    """How many graphics cards there are for a call."""
    return torch.cuda.device_count() if isinstance(call, UsesCard) and call.on_card else 0


def _own_card(cards: int) -> contextlib.AbstractContextManager[object]:
    """On the card of this worker: those made here are numbered, and take them in turn."""
    if cards < 2:
        return contextlib.nullcontext()
    from distributed import get_worker

    return torch.cuda.device(card_of(get_worker().name, cards))


def card_of(worker: object, cards: int) -> int:
    """Which of several cards a worker of this name computes on."""
    name = str(worker)
    return (int(name) if name.isdecimal() else zlib.crc32(name.encode())) % cards


def _lost(error: BaseException) -> bool:
    """Whether it was the worker that failed, and not the work."""
    from distributed import KilledWorker
    from distributed.comm.core import CommClosedError

    return isinstance(error, KilledWorker | CommClosedError)

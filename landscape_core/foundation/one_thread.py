"""Work on one thread of PyTorch and BLAS, whose sums are rounded in the same way everywhere.

`torch.set_num_threads` sets the number of the calling thread, and the one with which threads begin
that have not used PyTorch yet. A thread that began while another one works here would keep 1 for
good, and hand it on: it must `begin`. OpenBLAS, in which NumPy and SciPy solve and multiply, has
one number for all threads of Python (MKL takes that of PyTorch). Its own threads wait for each
other's small pieces of work longer than these take.
"""

import contextlib
import functools
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from threadpoolctl import ThreadpoolController


class OneThread:
    """The threads of Python that compute on one thread of PyTorch, and the number before."""

    def __init__(self) -> None:
        """No thread does."""
        self._lock = threading.Lock()
        self._holders: set[int] = set()
        self._limiters: set[int] = set()
        self._before = 0
        self._blas: Any = None

    @contextlib.contextmanager
    def hold(self, *, blas: bool = True) -> Iterator[None]:
        """One thread of PyTorch for the calling thread, and of BLAS; then what was before.

        Args:
            blas: whether of BLAS too, for which SciPy is imported.
        """
        with self._of_torch(), self._of_blas() if blas else contextlib.nullcontext():
            yield

    @contextlib.contextmanager
    def _of_torch(self) -> Iterator[None]:
        own = threading.get_ident()
        if own in self._holders:
            yield
            return
        with self._lock:
            if not self._holders:
                self._before = torch.get_num_threads()
            self._holders.add(own)
            torch.set_num_threads(1)
        try:
            yield
        finally:
            with self._lock:
                self._holders.remove(own)
                torch.set_num_threads(self._before)

    @contextlib.contextmanager
    def _of_blas(self) -> Iterator[None]:
        own = threading.get_ident()
        if own in self._limiters:
            yield
            return
        with self._lock:
            self._limiters.add(own)
            if len(self._limiters) == 1:
                self._blas = _limiting().submit(_limited).result()
        try:
            yield
        finally:
            with self._lock:
                self._limiters.remove(own)
                if not self._limiters:
                    _limiting().submit(self._blas.restore_original_limits).result()

    def begin(self) -> None:
        """Give the calling thread, which has just started, its number of threads."""
        with self._lock:
            if self._holders:
                torch.set_num_threads(self._before)
            else:
                torch.get_num_threads()  # from now on it is this thread's own


@functools.cache
def _limiting() -> ThreadPoolExecutor:
    """The thread that limits OpenBLAS: threadpoolctl lets nobody else change it meanwhile."""
    return ThreadPoolExecutor(1, thread_name_prefix="blas")


if hasattr(os, "register_at_fork"):
    # A child has this thread's name and not the thread: it would wait for it forever.
    os.register_at_fork(after_in_child=_limiting.cache_clear)


def _limited() -> Any:
    """One thread of OpenBLAS from now on, until its `restore_original_limits`."""
    return _openblas().limit(limits=1, user_api="blas")


@functools.cache
def _openblas() -> ThreadpoolController:
    """The libraries of NumPy and SciPy, which each bring their own."""
    import scipy.linalg  # noqa: F401 - loads the second

    return ThreadpoolController().select(internal_api="openblas")


ONE_THREAD = OneThread()
"""The one of this process, as the number is."""

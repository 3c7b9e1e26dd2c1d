"""Work on one thread of PyTorch, whose sums are rounded in the same way everywhere.

`torch.set_num_threads` sets the number of the calling thread, and the one with which threads begin
that have not used PyTorch yet. A thread that began while another one works here would keep 1 for
good, and hand it on: it must `begin`.
"""

import contextlib
import threading
from collections.abc import Iterator

import torch


class OneThread:
    """The threads of Python that compute on one thread of PyTorch, and the number before."""

    def __init__(self) -> None:
        """No thread does."""
        self._lock = threading.Lock()
        self._holders: set[int] = set()
        self._before = 0

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """One thread of PyTorch for the calling thread; at the end it has its number back."""
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

    def begin(self) -> None:
        """Give the calling thread, which has just started, its number of threads."""
        with self._lock:
            if self._holders:
                torch.set_num_threads(self._before)
            else:
                torch.get_num_threads()  # from now on it is this thread's own


ONE_THREAD = OneThread()
"""The one of this process, as the number is."""

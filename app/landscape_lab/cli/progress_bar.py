"""The progress of a command's work, which Ctrl-C ends whenever it comes."""

import contextlib
import signal
import threading
from collections.abc import Iterator

import xarray as xr
from tqdm import tqdm

from landscape_core.foundation.errors import LandscapeError
from landscape_core.foundation.progress import Progress


def shown(work: Iterator[Progress], title: str, unit: str) -> xr.Dataset:
    """The finished work, with a progress bar if it takes longer than a second."""
    dataset = None
    with _interrupts() as came, tqdm(desc=title, unit=unit, delay=1, leave=False) as bar:
        for progress in work:
            if came:
                raise KeyboardInterrupt
            bar.total = progress.total
            bar.update(progress.done - bar.n)
            dataset = progress.dataset
    if dataset is None:
        raise LandscapeError(f"{title} ended without a result")
    return dataset


@contextlib.contextmanager
def _interrupts() -> Iterator[list[int]]:
    """The interrupts (Ctrl-C) so far.

    Python drops the exception of one that comes in the callback of a weak reference, of which
    libraries that write files have many.
    """
    came: list[int] = []

    def note(number: int, frame: object) -> None:
        came.append(number)
        signal.default_int_handler(number, None)

    usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not usual or threading.current_thread() is not threading.main_thread():
        yield came
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield came
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)

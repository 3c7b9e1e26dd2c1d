"""What commands share: words of their help, progress, tables of text."""

import argparse
import contextlib
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import xarray as xr
from tqdm import tqdm

from landscape_core.experiments.progress import Progress
from landscape_core.foundation.errors import LandscapeError, SpecError

if TYPE_CHECKING:
    from landscape_core.slices.backends.base import Backend

WRITTEN = "trajectory file written by `landscape train`"
NEAREST = "step of the iterate (nearest recorded one); -1: the last"

MOST_WORKERS = 4
"""Worker processes for each processor."""


def add_backend(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where work is done."""
    parser.add_argument(
        "--workers", type=int, help="number of worker processes; 0: one per processor"
    )
    parser.add_argument("--scheduler", help="address of a dask scheduler, as tcp://host:8786")


def backend(asked: argparse.Namespace) -> "Backend | None":
    """Where the command line says to compute; None: in this process.

    Raises:
        SpecError: more workers than this machine should have.
    """
    if not asked.scheduler and asked.workers is None:
        return None
    from landscape_core.slices.backends.dask import Dask

    most = MOST_WORKERS * (os.cpu_count() or 1)
    if asked.workers is not None and not 0 <= asked.workers <= most:
        raise SpecError("--workers", asked.workers, f"between 0 and {most} on this machine")
    return Dask(scheduler=asked.scheduler or "", workers=asked.workers or 0)


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


def aligned(rows: Sequence[tuple[str, ...]]) -> str:
    """Rows as lines whose columns begin below each other; sizes end below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(
            cell.rjust(width) if cell.endswith("MB") else cell.ljust(width)
            for cell, width in zip(row, widths, strict=True)
        )
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)

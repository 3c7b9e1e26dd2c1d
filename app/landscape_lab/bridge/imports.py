"""Imports of many modules at once, without the collection of garbage: it would find none."""

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Hold the garbage collector, which looks through all that is imported again and again.

    A sixth of the time to import the app goes into that. What it was set to is in force afterwards.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()

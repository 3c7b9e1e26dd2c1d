"""Wait for conditions, never for fixed times. The only file of the tests that calls `sleep`."""

import asyncio
import sys
import threading
import time

PAUSE = 0.005
"""Seconds between two looks at a condition."""

LOOKS = 10
"""Successive looks at which a thread must be found waiting."""


def happens(condition, patience=60.0, rest=lambda: time.sleep(PAUSE)):
    """Whether a condition comes to hold within so many seconds; waits no longer than it takes.

    Args:
        condition: called without arguments, again and again.
        patience: seconds after which it is given up.
        rest: what is done between two looks.
    """
    end = time.monotonic() + patience
    while not condition():
        if time.monotonic() > end:
            return False
        rest()
    return True


def until(condition, what="the condition", patience=60.0):
    """Wait until a condition holds, and fail if it does not within so many seconds."""
    assert happens(condition, patience), f"waited {patience:g} s for {what}"


async def until_async(condition, what="the condition", patience=60.0):
    """As `until`, while the event loop goes on."""
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, f"waited {patience:g} s for {what}"
        await asyncio.sleep(PAUSE)


def is_waiting(thread):
    """Whether a thread waits for a lock, a condition or an event, at ten successive looks.

    A thread that has just been notified still looks as if it waited; it has left by the next look.
    """
    for _ in range(LOOKS):
        frame = sys._current_frames().get(thread.ident)
        if frame is None or frame.f_code.co_filename != threading.__file__:
            return False
        time.sleep(PAUSE / 5)
    return True


def take(seconds):
    """Take so long: what a computation, a slow disk or a busy process stands for in a test."""
    time.sleep(seconds)

"""What a server says of itself to the pages that it shows, in environment variables.

Nothing heavy is imported: the commands that start servers set what is read here.
"""

import os

VISITORS = "LANDSCAPE_LAB_VISITORS"
"""Set where others than the user of the machine may open the app."""

IDLE_TIMEOUT = "LANDSCAPE_LAB_IDLE_TIMEOUT"
"""Seconds without a run or an input after which `landscape serve` ends a page."""


def has_visitors() -> bool:
    """Whether others than the user of the machine may open the app."""
    return bool(os.environ.get(VISITORS))


def idle_timeout() -> float:
    """Seconds without a run or an input after which a page ends; 0 for never."""
    return float(os.environ.get(IDLE_TIMEOUT, "0"))

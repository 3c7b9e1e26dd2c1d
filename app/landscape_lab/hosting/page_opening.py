"""A page for which a kernel is started, from when its visitor is admitted until it was left."""

import time
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(eq=False)
class Opening:
    """A page that was admitted: on its way until the whole of it has been sent.

    Attributes:
        kernel_id: its kernel, once it has one.
        aborted: whether it is not wanted any more.
        left_at: since when nobody is in front of it.
        hurried: whether its visitor has come again, and its kernel needs to end soon.
    """

    kernel_id: str = ""
    aborted: bool = False
    left_at: float | None = None
    hurried: bool = False

    def left(self) -> float | None:
        """Seconds since the page was left or ended; None while it is there or on its way."""
        return None if self.left_at is None else time.monotonic() - self.left_at

    def end(self) -> None:
        """Its kernel ends at the next look, unless the page is there again."""
        self.hurried = True

    def leave(self) -> None:
        """Nobody is in front of it from now on."""
        self.left_at = time.monotonic() if self.left_at is None else self.left_at


OPENING: ContextVar[Opening | None] = ContextVar("opening", default=None)
"""The page for which a kernel is started, as its handler has set it."""

"""Text for a terminal: what files and links say cannot move the cursor or change the window."""

import contextlib
import re
import sys
import warnings
from collections.abc import Iterator
from typing import Any

OBEYED = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"  # a command of the operating system, as the title
    r"|\x1b[\[P^_X][0-?]*[ -/]*[@-~]?"  # a command with parameters, as a colour
    r"|\x1b.?"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)
"""Escape sequences, control characters but tab and line feed, and marks that turn text around."""


def plain(text: object) -> str:
    """The text without what a terminal obeys."""
    return OBEYED.sub("", str(text))


def one_line(error: object) -> str:
    """An error as one line of plain text."""
    return " ".join(plain(error).split())


class PlainStream:
    """A stream that writes plain text; characters that its encoding lacks become `?`.

    The stream may be None, where the program was started with a closed one.
    """

    def __init__(self, stream: Any, kept: str = "") -> None:
        """Write to a stream, or nowhere; `kept` are characters that are kept though obeyed."""
        self._stream, self._kept = stream, kept

    def write(self, text: str) -> int:
        """Write the text without what a terminal obeys."""
        if self._stream is None:
            return len(text)
        pieces = re.split(f"([{self._kept}])", text) if self._kept else [text]
        words = "".join(one if one in self._kept else plain(one) for one in pieces)
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        self._stream.write(words.encode(encoding, "replace").decode(encoding))
        return len(text)

    def flush(self) -> None:
        """Flush the stream."""
        if self._stream is not None:
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        """All else is the stream's."""
        return getattr(self._stream, name)


@contextlib.contextmanager
def plain_output() -> Iterator[None]:
    """Standard output and error as plain text, warnings as sentences."""
    before = warnings.formatwarning
    warnings.formatwarning = lambda message, *_, **__: f"landscape: {one_line(message)}\n"
    out, err = PlainStream(sys.stdout), PlainStream(sys.stderr, kept="\r")
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            yield
    finally:
        warnings.formatwarning = before

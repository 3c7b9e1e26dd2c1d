"""The dialog of your own table: upload or paste a file, then choose its columns."""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import param
from panel.custom import JSComponent

from landscape_lab.bridge.jupyter import Messages

PART = 2**18
"""Bytes of a file that travel in one message."""


class UploaderModel(Messages, JSComponent):
    """Its browser model."""

    _esm = Path(__file__).with_name("uploader.js")

    limits = param.Dict(default={}, doc="`bytes` of a file, bytes of a `part`, `endings` of names")

    on_message: Callable[[dict[str, Any]], None]

    def _handle_msg(self, data: dict[str, Any]) -> None:
        self.on_message(data)


@dataclass(frozen=True)
class Choice:
    """The columns that are chosen: the target, the task, and the features in their order."""

    target: str
    task: str
    features: tuple[str, ...]


class Uploader:
    """A dialog that takes a file in parts, shows its columns, and reports what is chosen."""

    def __init__(
        self,
        most: int,
        endings: Sequence[str],
        received: Callable[[str, bytes], None],
        chosen: Callable[[Choice, bool], None],
        closed: Callable[[], None],
    ) -> None:
        """A closed dialog.

        Args:
            most: bytes of the largest file that is taken.
            endings: of the names of files that are taken.
            received: called with the name and content of a file, on the page's thread.
            chosen: called with the columns that are chosen, and whether they are to be used.
            closed: called when the dialog was closed.
        """
        self._most, self._received, self._chosen = most, received, chosen
        self._closed = closed
        self._name, self._parts, self._size = "", bytearray(), -1
        self.view = UploaderModel(
            limits={"bytes": most, "part": PART, "endings": list(endings)},
            width=0, height=0, margin=0,
        )  # fmt: skip
        self.view.on_message = self._on_message

    def open(self) -> None:
        """Show the dialog."""
        self._send(action="open")

    def close(self) -> None:
        """Close the dialog."""
        self._send(action="close")

    def show_table(self, title: str, columns: Sequence[dict[str, Any]], choice: Choice) -> None:
        """Show the columns of a table.

        Args:
            title: what the table is, in words.
            columns: `name`, whether it is `numeric`, and a `note` of each.
            choice: what is chosen at first.
        """
        self._send(
            action="table", title=title, columns=list(columns), target=choice.target,
            task=choice.task, features=list(choice.features),
        )  # fmt: skip

    def say(self, text: str, *, fits: bool) -> None:
        """Say what follows from the present choice, and whether it can be used."""
        self._send(action="verdict", text=text, fits=fits)

    def fail(self, text: str) -> None:
        """Show why a file was not taken."""
        self._parts, self._size = bytearray(), -1
        self._send(action="fail", text=text)

    def _send(self, **message: Any) -> None:
        self.view._send_msg(message)

    def _on_message(self, data: dict[str, Any]) -> None:
        if "begin" in data:
            self._begin(str(data["begin"]), data.get("size"))
        elif "part" in data:
            self._take(str(data["part"]))
        elif "target" in data:
            features = tuple(str(name) for name in data.get("features", ()))
            choice = Choice(str(data["target"]), str(data.get("task", "")), features)
            self._chosen(choice, data.get("use") is True)
        elif "closed" in data:
            self._parts, self._size = bytearray(), -1
            self._closed()

    def _begin(self, name: str, size: Any) -> None:
        if not isinstance(size, int) or not 0 < size <= self._most:
            self.fail(f"The file must have 1 to {self._most // 2**20} MB.")
            return
        self._name, self._parts, self._size = name, bytearray(), size
        self._send(action="more", done=0)

    def _take(self, text: str) -> None:
        """Take the next part; more bytes than were announced end the transfer."""
        if self._size < 0 or len(text) > 2 * PART:
            return
        try:
            self._parts += base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            self.fail("The file did not arrive as it was sent; try again.")
            return
        if len(self._parts) > self._size:
            self.fail("The file did not arrive as it was sent; try again.")
        elif len(self._parts) < self._size:
            self._send(action="more", done=len(self._parts))
        else:
            content, self._parts, self._size = bytes(self._parts), bytearray(), -1
            self._received(self._name, content)

"""The dialog in which a picture is taken away: what file, its making, and the download."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import param
from panel.custom import JSComponent

from landscape_lab.bridge.jupyter import Messages


class ExporterModel(Messages, JSComponent):
    """Its browser side."""

    _esm = Path(__file__).with_name("exporter.js")

    kinds = param.List(doc="name, label and help of each kind of file, and whether it is text")

    heard: Callable[[dict[str, Any]], None]

    def _handle_msg(self, data: dict[str, Any]) -> None:
        self.heard(data)


class Exporter:
    """A dialog with the kinds of files; asks for one, then hands it to the browser."""

    def __init__(self, kinds: Sequence[Mapping[str, Any]], wanted: Callable[[str], None]) -> None:
        """A closed dialog.

        Args:
            kinds: `name`, `label` and `help` of each; `readable`, whether its text is shown.
            wanted: called with a kind's name, on the page's thread.
        """
        self._wanted = wanted
        self.view = ExporterModel(kinds=[dict(kind) for kind in kinds], width=0, height=0, margin=0)
        self.view.heard = self._hear

    def open(self) -> None:
        """Show the dialog."""
        self.view._send_msg({"action": "open"})

    def progress(self, done: int, total: int) -> None:
        """Say how far the making of the file is; of one step, only that it goes on."""
        self.view._send_msg({"action": "progress", "done": done, "total": total})

    def deliver(self, name: str, mime: str, data: bytes, text: str | None = None) -> None:
        """Hand a file to the browser, which saves it; one with a `text` is shown to be copied.

        Args:
            name: what the file is called.
            mime: what kind of content it has.
            data: its content.
            text: the same as words that people read, if it is that.
        """
        told = {"action": "deliver", "name": name, "mime": mime, "text": text}
        self.view._send_msg(told)
        # Bytes travel by themselves: only so they arrive as bytes under every server.
        self.view._send_msg(data)

    def fail(self, text: str) -> None:
        """Say why there is no file."""
        self.view._send_msg({"action": "fail", "text": text})

    def _hear(self, data: dict[str, Any]) -> None:
        self._wanted(data["kind"])

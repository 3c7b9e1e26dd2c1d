"""The export dialog: kinds of files, progress, and the download."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import param
from panel.custom import JSComponent

from landscape_lab.bridge.host import mode
from landscape_lab.bridge.jupyter import Messages

PARTS = ("../clipboard.js", "export_styles.js", "exporter.js")
"""Its JavaScript files, joined in this order to one module."""


class ExporterModel(Messages, JSComponent):
    """Its browser model."""

    _esm = "\n".join(Path(__file__).parent.joinpath(part).read_text("utf-8") for part in PARTS)

    kinds = param.List(doc="name, label, help, group of each kind; `lacks` if none can be made")
    own_page = param.Boolean(default=True, doc="whether the address is that of this page")

    on_message: Callable[[dict[str, Any]], None]

    def _handle_msg(self, data: dict[str, Any]) -> None:
        self.on_message(data)


class Exporter:
    """A dialog with the kinds of files; requests one and sends it to the browser."""

    def __init__(
        self,
        kinds: Sequence[Mapping[str, Any]],
        wanted: Callable[[str, Mapping[str, Any]], None],
        cancelled: Callable[[], None],
    ) -> None:
        """A closed dialog.

        Args:
            kinds: `name`, `label`, `help` and `group` of each; `lacks` if it cannot be made.
            wanted: called with a kind's name and how a picture is to appear, on the page's thread.
            cancelled: called when the file that is being made is not wanted any more.
        """
        self._wanted, self._cancelled = wanted, cancelled
        self.view = ExporterModel(
            kinds=[dict(kind) for kind in kinds], own_page=mode() != "notebook",
            width=0, height=0, margin=0,
        )  # fmt: skip
        self.view.on_message = self._on_message

    def open(self) -> None:
        """Show the dialog."""
        self.view._send_msg({"action": "open"})

    def progress(self, done: int, total: int) -> None:
        """Show the progress of the export; indeterminate if there is one step."""
        self.view._send_msg({"action": "progress", "done": done, "total": total})

    def deliver(self, name: str, mime: str, data: bytes, text: str | None = None) -> None:
        """Send a file to the browser to save; a `text` is shown for copying.

        Args:
            name: the file name.
            mime: the MIME type.
            data: the content.
            text: the content as text, if it is readable; of a picture, its separate caption.
        """
        message = {"action": "deliver", "name": name, "mime": mime, "text": text}
        self.view._send_msg(message)
        # Bytes travel by themselves: only so they arrive as bytes under every server.
        self.view._send_msg(data)

    def fail(self, text: str) -> None:
        """Show why the export failed."""
        self.view._send_msg({"action": "fail", "text": text})

    def _on_message(self, data: dict[str, Any]) -> None:
        if data.get("cancel"):
            self._cancelled()
        else:
            self._wanted(data["kind"], data.get("style", {}))

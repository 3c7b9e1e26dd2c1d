"""The gallery of labs: one card each, grouped by family."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import param
from panel.custom import JSComponent

from landscape_lab.bridge.jupyter import Messages


class GalleryModel(Messages, JSComponent):
    """Its browser model."""

    _esm = Path(__file__).with_name("gallery.js").read_text("utf-8")

    families = param.List(doc="family and labs: name, title, question and seconds of each")

    on_message: Callable[[dict[str, Any]], None]

    def _handle_msg(self, data: dict[str, Any]) -> None:
        self.on_message(data)


class Gallery:
    """Cards of labs; a click opens one."""

    def __init__(
        self,
        families: Sequence[dict[str, Any]],
        opened: Callable[[str], None],
        left: Callable[[], None],
    ) -> None:
        """All labs.

        Args:
            families: `family` and `labs` of each: `name`, `title`, `question` and `seconds`.
            opened: called with the name of a lab.
            left: called when the user goes back to the landscape.
        """
        self._opened, self._left, self._said = opened, left, ""
        self.view = GalleryModel(
            families=list(families), sizing_mode="stretch_both", min_height=0, margin=0
        )
        self.view.on_message = self._on_message

    def message(self, text: str) -> None:
        """Show an error message above the cards; an empty text hides it."""
        self._said = text
        self.view._send_msg({"message": text})

    def _on_message(self, data: dict[str, Any]) -> None:
        if data["action"] == "ready":  # a browser has come, or come back
            self.view._send_msg({"message": self._said})
        elif data["action"] == "open":
            self._opened(data["name"])
        else:
            self._left()

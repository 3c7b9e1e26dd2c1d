"""The gallery of presets: a dialog with a card for each, and the way into the first tour."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import param
from panel.custom import JSComponent

from landscape_lab.bridge.jupyter import Messages
from landscape_lab.components.images import images

PARTS = ("../signals.js", "examples.js")
"""Its JavaScript files, joined in this order to one module."""

THUMBNAILS = Path(__file__).with_name("thumbnails")
"""Pictures of the presets by their names, written by `make thumbnails`."""


class ExamplesModel(Messages, JSComponent):
    """Its browser model."""

    _esm = "\n".join(Path(__file__).parent.joinpath(part).read_text("utf-8") for part in PARTS)

    presets = param.List(doc="name, title and point of each preset")

    on_message: Callable[[dict[str, Any]], None]

    def _handle_msg(self, data: dict[str, Any]) -> None:
        self.on_message(data)


class Examples:
    """Cards of presets in a dialog; a click opens one.

    The pictures are sent some seconds after the page is there, or when the dialog is opened.
    """

    def __init__(self, presets: Sequence[dict[str, str]], opened: Callable[[str], None]) -> None:
        """The dialog, closed.

        Args:
            presets: `name`, `title` and `point` of each.
            opened: called with the name of a preset.
        """
        self._opened = opened
        self.view = ExamplesModel(presets=list(presets), width=0, height=0, margin=0)
        self.view.on_message = self._on_message

    def _on_message(self, data: dict[str, Any]) -> None:
        if data["action"] == "pictures":
            self.view._send_msg({"pictures": dict(images(THUMBNAILS))})
        else:
            self._opened(data["name"])

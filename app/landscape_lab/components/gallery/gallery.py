"""The gallery of labs: one card each, grouped by family."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import param
from panel.custom import JSComponent

from landscape_lab.bridge.jupyter import Messages
from landscape_lab.components.images import images

PARTS = ("../signals.js", "gallery.js")
"""Its JavaScript files, joined in this order to one module."""

THUMBNAILS = Path(__file__).with_name("thumbnails")
"""Pictures of the shipped labs by their names, written by `make thumbnails`."""


class GalleryModel(Messages, JSComponent):
    """Its browser model."""

    _esm = "\n".join(Path(__file__).parent.joinpath(part).read_text("utf-8") for part in PARTS)

    families = param.List(doc="family and labs: name, title, question, seconds, picture of each")

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
        """All labs, each with its thumbnail if it has one.

        Args:
            families: `family` and `labs` of each: `name`, `title`, `question` and `seconds`.
            opened: called with the name of a lab.
            left: called when the user goes back to the landscape.
        """
        self._opened, self._left, self._said = opened, left, ""
        self.runs: dict[str, dict[str, str]] = {}
        self._arriving: str | None = None
        pictures = images(THUMBNAILS)
        shown = [
            {
                **one,
                "labs": [{**lab, "picture": pictures.get(lab["name"], "")} for lab in one["labs"]],
            }
            for one in families
        ]
        self.view = GalleryModel(families=shown, sizing_mode="stretch_both", min_height=0, margin=0)
        self.view.on_message = self._on_message

    def message(self, text: str) -> None:
        """Show an error message above the cards; an empty text hides it."""
        self._said = text
        self.view._send_msg({"message": text})

    def arrive(self, name: str) -> None:
        """Give the keyboard focus to the card of a lab, or for an empty name to the heading."""
        self._arriving = name  # until a browser has said that it is there
        self.view._send_msg({"arrived": name})

    def show_run(self, name: str, picture: str, verdict: str) -> None:
        """Show on the card of a lab what a run on this page found.

        Args:
            name: of the lab.
            picture: an SVG image; empty: the one that is there stays.
            verdict: its words.
        """
        self.runs[name] = {"name": name, "picture": picture, "verdict": verdict}
        self.view._send_msg({"runs": [self.runs[name]]})

    def _on_message(self, data: dict[str, Any]) -> None:
        if data["action"] == "ready":  # a browser has come, or come back
            self.view._send_msg({"message": self._said, "runs": list(self.runs.values())})
            if self._arriving is not None:
                self.arrive(self._arriving)
        elif data["action"] == "arrived":
            self._arriving = None
        elif data["action"] == "open":
            self._opened(data["name"])
        else:
            self._left()

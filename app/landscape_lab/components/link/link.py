"""The page state in the URL fragment, so that a link opens the same view."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import param
from panel.custom import JSComponent

from landscape_lab.bridge.host import mode
from landscape_lab.bridge.jupyter import Messages


class LinkModel(Messages, JSComponent):
    """Its browser model."""

    _esm = Path(__file__).with_name("link.js")

    value = param.String(doc="URL fragment, after the #")
    own_page = param.Boolean(default=True, doc="whether the address is that of this page")
    entry = param.Integer(default=0, doc="number of the change that led to the value")
    opened = param.Integer(default=0, doc="number of the browser's links that have been opened")

    open: Callable[[str], None]

    def _handle_msg(self, data: dict[str, Any]) -> None:
        try:
            self.open(data["link"])
        finally:
            self.opened += 1  # what was written before the link arrived is not put in its place


class Link:
    """The URL fragment; in a notebook cell, whose address is the notebook's, nothing."""

    def __init__(self, open_link: Callable[[str], None]) -> None:
        """`open_link` is called with the initial fragment and after each edit by the user."""
        self.view = LinkModel(own_page=mode() != "notebook", width=0, height=0, margin=0)
        self.view.open = open_link

    def set(self, text: str, entry: int | None = None) -> None:
        """Set the fragment.

        Another preset or step of a tour is a new entry of the browser's history, as is a change
        with a higher number, so that Back undoes it.
        """
        self.view.param.update(value=text, entry=self.view.entry if entry is None else entry)

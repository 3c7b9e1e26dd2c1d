"""Keyboard shortcuts, and a dialog that lists them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import param
from panel.custom import JSComponent

from landscape_lab.bridge.host import mode
from landscape_lab.bridge.jupyter import Messages

PARTS = ("../signals.js", "shortcuts.js")
"""Its JavaScript files, joined in this order to one module."""


class ShortcutsModel(Messages, JSComponent):
    """Its browser model."""

    _esm = "\n".join(Path(__file__).parent.joinpath(part).read_text("utf-8") for part in PARTS)

    names = param.List(doc="names of the available actions")
    everywhere = param.Boolean(doc="whether shortcuts work wherever the focus is in the document")

    on_message: Callable[[dict[str, Any]], None]

    def _handle_msg(self, data: dict[str, Any]) -> None:
        self.on_message(data)


class Shortcuts:
    """Handles keys while no text is being typed and no dialog is open."""

    def __init__(self, actions: Mapping[str, Callable[[], None]]) -> None:
        """Only keys with an available action are active and listed.

        In a notebook, shortcuts work only while the focus is inside the page.

        Args:
            actions: what to call, on the page's thread: play(), step(), reset(), undo(), redo(),
        2d(), 3d(), compare(), keep(), export(), projector(). Keys of the time line, the settings
        and this dialog are handled in the browser.
        """
        self._actions = actions
        self.view = ShortcutsModel(
            names=list(actions), everywhere=mode() != "notebook", width=0, height=0, margin=0
        )
        self.view.on_message = lambda data: self._actions[data["action"]]()

"""Keys for what is done often, and a dialog that lists them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import param
from panel.custom import JSComponent

from landscape_lab.bridge.host import mode
from landscape_lab.bridge.jupyter import Messages

PARTS = ("../signals.js", "shortcuts.js")
"""Its JavaScript: one module, in this order."""


class ShortcutsModel(Messages, JSComponent):
    """Its browser side."""

    _esm = "\n".join(Path(__file__).parent.joinpath(part).read_text("utf-8") for part in PARTS)

    names = param.List(doc="the actions that there are")
    everywhere = param.Boolean(doc="whether keys count wherever the focus is in the document")

    heard: Callable[[dict[str, Any]], None]

    def _handle_msg(self, data: dict[str, Any]) -> None:
        self.heard(data)


class Shortcuts:
    """Listens to keys while no text is typed and no dialog is open."""

    def __init__(self, actions: Mapping[str, Callable[[], None]]) -> None:
        """Only keys whose action is there do something and are listed.

        In a notebook keys count only while the focus is inside the page: elsewhere they are the
        notebook's own.

        Args:
            actions: what to call, on the page's thread: play(), step(), reset(), undo(), redo(),
                2d(), 3d(), compare(), keep(), export(), projector(). Keys of the time line, of the
                settings and of this dialog need nobody here.
        """
        self._actions = actions
        self.view = ShortcutsModel(
            names=list(actions), everywhere=mode() != "notebook", width=0, height=0, margin=0
        )
        self.view.heard = lambda data: self._actions[data["action"]]()

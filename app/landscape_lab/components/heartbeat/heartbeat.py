"""Connection monitor: reports when the Python process no longer answers."""

from pathlib import Path
from typing import Any

import param
from panel.custom import JSComponent

from landscape_lab.bridge.host import mode
from landscape_lab.bridge.jupyter import Messages

PARTS = ("../signals.js", "heartbeat.js")
"""Its JavaScript files, joined in this order to one module."""


class HeartbeatModel(Messages, JSComponent):
    """Its browser model."""

    _esm = "\n".join(Path(__file__).parent.joinpath(part).read_text("utf-8") for part in PARTS)

    patience = param.Number(default=9.0, doc="seconds without an answer until the page says so")
    in_cell = param.Boolean(doc="whether only a cell of the document is ours")

    def _handle_msg(self, data: Any) -> None:
        del data
        self._send_msg({"pong": True})


class Heartbeat:
    """An overlay with a Reload button once Python has not answered for some seconds."""

    def __init__(self) -> None:
        """Hidden while the connection works."""
        self.view = HeartbeatModel(in_cell=mode() == "notebook", width=0, height=0, margin=0)

"""Connection monitor: reports when the Python process no longer answers."""

from pathlib import Path
from typing import Any

import param
from panel.custom import JSComponent

from landscape_lab.bridge.host import mode
from landscape_lab.bridge.jupyter import Messages, no_echoes


class HeartbeatModel(Messages, JSComponent):
    """Its browser model."""

    _esm = Path(__file__).with_name("heartbeat.js")

    patience = param.Number(default=9.0, doc="seconds without an answer until the page says so")
    in_kernel = param.Boolean(doc="whether a kernel, not a server, is at the other end")

    def _handle_msg(self, data: Any) -> None:
        if data.get("echoes") is False:
            for model, _ in self._models.values():
                no_echoes(model.document)
        else:
            self._send_msg({"pong": True})


class Heartbeat:
    """An overlay with a Reload button once Python has not answered for some seconds."""

    def __init__(self) -> None:
        """Hidden while the connection works."""
        self.view = HeartbeatModel(in_kernel=mode() != "server", width=0, height=0, margin=0)

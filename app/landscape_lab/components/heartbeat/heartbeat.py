"""Connection monitor: reports when the Python process no longer answers, and ends idle pages."""

from pathlib import Path
from typing import Any

import panel as pn
import param
from panel.custom import JSComponent

from landscape_lab.bridge.host import mode
from landscape_lab.bridge.hosted import idle_timeout
from landscape_lab.bridge.jupyter import Messages

PARTS = ("../signals.js", "idle.js", "heartbeat.js")
"""Its JavaScript files, joined in this order to one module."""


class HeartbeatModel(Messages, JSComponent):
    """Its browser model."""

    _esm = "\n".join(Path(__file__).parent.joinpath(part).read_text("utf-8") for part in PARTS)

    patience = param.Number(default=9.0, doc="seconds without an answer until the page says so")
    idle = param.Number(doc="seconds without a run or an input until the page ends; 0 for never")
    in_cell = param.Boolean(doc="whether only a cell of the document is ours")

    def _handle_msg(self, data: Any) -> None:
        if data.get("idle"):
            end_session()
        else:
            self._send_msg({"pong": True})


def end_session() -> None:
    """Let the server end the session of this page, if it has one."""
    document = pn.state.curdoc
    context = None if document is None else document.session_context
    if context is not None and context.session is not None:
        context.session.request_expiration()


class Heartbeat:
    """An overlay with a Reload button once Python has not answered for some seconds."""

    def __init__(self) -> None:
        """Hidden while the connection works."""
        host = mode()
        self.view = HeartbeatModel(
            in_cell=host == "notebook",
            idle=idle_timeout() if host == "server" else 0.0,  # elsewhere the page has a process
            width=0,
            height=0,
            margin=0,
        )

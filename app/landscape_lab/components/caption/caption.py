"""The line below the landscape: what the picture is, and how much it can be trusted."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from panel.custom import JSComponent

from landscape_lab.bridge.jupyter import Messages
from landscape_lab.figures import theme

HEIGHT = 38
"""Pixels of two lines: fixed, so that nothing moves when the words change."""


class CaptionModel(Messages, JSComponent):
    """Its browser model."""

    _esm = Path(__file__).with_name("caption.js").read_text("utf-8")

    on_message: Callable[[dict[str, Any]], None]

    def _handle_msg(self, data: dict[str, Any]) -> None:
        self.on_message(data)


class Caption:
    """Words of two lines at most, and longer ones under a mouse."""

    def __init__(self) -> None:
        """No words."""
        self.text = self.whole = ""
        self.view = CaptionModel(
            styles={
                "font": f"calc(12px * var(--scale, 1))/1.45 {theme.FONT}",
                "color": f"var(--muted, {theme.MUTED})",
                "padding": "2px 8px 0 10px",
                "overflow": "hidden",
            },
            height=HEIGHT,
            margin=0,
            sizing_mode="stretch_width",
        )
        self.view.on_message = lambda _: self._send()  # a browser has come, or come back

    def set(self, text: str, whole: str = "") -> None:
        """Show words, and others under a mouse if there are any; only changes are sent."""
        if (text, whole or text) != (self.text, self.whole):
            self.text, self.whole = text, whole or text
            self._send()

    def _send(self) -> None:
        self.view._send_msg({"text": self.text, "whole": self.whole})

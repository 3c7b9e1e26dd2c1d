"""The bar above: presets, play, step, reset, speed, the readings of the run, and messages."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import param
from panel.custom import JSComponent

from app.wiring import Messages


class ToolbarModel(Messages, JSComponent):
    """Its browser side."""

    _esm = Path(__file__).with_name("toolbar.js")

    presets = param.List(doc="name, title and question of each preset")

    heard: Callable[[dict[str, Any]], None]

    def _handle_msg(self, data: dict[str, Any]) -> None:
        self.heard(data)


class Toolbar:
    """What is told by `set` and `message` is shown; what is pressed is called by name."""

    def __init__(
        self, presets: list[dict[str, str]], actions: Mapping[str, Callable[..., None]]
    ) -> None:
        """A bar with these presets.

        Args:
            presets: `name`, `title` and `question` of each.
            actions: what to call, on the page's thread: play(bool), step(), reset(), seed(),
                speed(int), view(str), preset(name), drawn(number), and ready() when a browser shows
                the bar, at first or again.
        """
        self._actions = actions
        self._told: dict[str, Any] = {}
        self.view = ToolbarModel(presets=presets, sizing_mode="stretch_width", height=52)
        self.view.heard = self._hear

    def set(self, readings: Mapping[str, Any]) -> None:
        """Show readings; only what differs from what is shown is sent."""
        news = {name: value for name, value in readings.items() if self._told.get(name) != value}
        if news:
            self._told |= news
            self.view._send_msg(news)

    def message(self, text: str, *, alert: bool = False) -> None:
        """Show a line under the bar; an empty text takes it away."""
        self.set({"message": text, "alert": alert})

    @property
    def alerting(self) -> bool:
        """Whether a line is shown that says that something went wrong."""
        return bool(self._told.get("message")) and bool(self._told.get("alert"))

    def _hear(self, data: dict[str, Any]) -> None:
        if data["action"] == "ready":  # a browser has come, or come back
            self.view._send_msg(self._told)
        value = data.get("value")
        action = self._actions[data["action"]]
        action() if value is None else action(value)

"""The bar above a lab: its question and verdict, how it is run, and what of it is looked at."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import param
from panel.custom import JSComponent

from landscape_lab.bridge.jupyter import Messages

PARTS = ("../signals.js", "../pale.js", "lab_bar.js")
"""Its JavaScript files, joined in this order to one module."""


class LabBarModel(Messages, JSComponent):
    """Its browser model."""

    _esm = "\n".join(Path(__file__).parent.joinpath(part).read_text("utf-8") for part in PARTS)

    most = param.Integer(doc="maximum number of seeds")
    first = param.Dict({}, doc="what is shown before the first message")

    on_message: Callable[[dict[str, Any]], None]

    def _handle_msg(self, data: dict[str, Any]) -> None:
        self.on_message(data)


class LabBar:
    """The bar; `set` updates it, its controls call the actions by name."""

    def __init__(self, actions: Mapping[str, Callable[..., None]], most: int) -> None:
        """Nothing is shown yet.

        Args:
            actions: what to call, on the page's thread: leave(), play(bool), step(), again(),
                fresh(), count(int), export(), open_run(), seed(index), frame(index), settled() once
                the slider is let go, drawn(number).
            most: the maximum number of seeds.
        """
        self._actions = actions
        self.shown: dict[str, Any] = {}
        self._seen = False
        self.view = LabBarModel(
            most=most, sizing_mode="stretch_width", styles={"flex": "none"}, margin=0
        )
        self.view.on_message = self._on_message

    def set(self, values: Mapping[str, Any]) -> None:
        """Update the values shown; only changes are sent.

        `title`, `question`, `message`: text; `playing`: whether seeds are computed; `count`: how
        many seeds; `seeds`: all of them, `seed`: the index of the one that is looked at; `done`:
        how many are finished; `verdict`: None, or `word`, `text` and `expected`; `frame`: None, or
        `name`, `index`, `count` and `value` of the moving dimension; `has_run`: whether the
        landscape can show the run of a seed; `number`: of the picture, which is answered by
        `drawn`; `stale`: whether the pictures (`lab`) show other settings than the form; `arrived`:
        another number gives the title the focus; `asked`: whether a tour asks
        a question above, which takes the place of that of the lab.
        """
        changes = {name: value for name, value in values.items() if self.shown.get(name) != value}
        if changes:
            self.shown |= changes
            if not self._seen:
                self.view.first = dict(self.shown)
            self.view._send_msg(changes)

    def _on_message(self, data: dict[str, Any]) -> None:
        if data["action"] == "ready":  # a browser has come, or come back
            self._seen = True
            self.view._send_msg(self.shown)
            return
        action, value = self._actions[data["action"]], data.get("value")
        action() if value is None else action(value)
        if data["action"] == "play" and value != self.shown.get("playing"):
            self.view._send_msg({"playing": self.shown.get("playing", False)})  # it was refused

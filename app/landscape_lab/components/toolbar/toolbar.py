"""The toolbar: presets, run controls, metrics, progress and messages."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import param
from panel.custom import JSComponent

from landscape_lab.bridge.jupyter import Messages
from landscape_lab.figures import theme
from landscape_lab.figures.comparison_modes import MODES
from landscape_lab.state.place import MOST_KEPT

PARTS = (
    "../signals.js",
    "../pale.js",
    "toolbar_icons.js",
    "toolbar_words.js",
    "toolbar_title.js",
    "toolbar.js",
)
"""Its JavaScript files, joined in this order to one module."""


class ToolbarModel(Messages, JSComponent):
    """Its browser model."""

    _esm = "\n".join(Path(__file__).parent.joinpath(part).read_text("utf-8") for part in PARTS)

    presets = param.List(doc="name and title of each preset")
    comparisons = param.Dict(doc="labels of the comparison modes")
    most_kept = param.Integer(doc="maximum number of runs kept for comparison")
    projector = param.Dict(doc="CSS properties of the document in projector mode")

    on_message: Callable[[dict[str, Any]], None]

    def _handle_msg(self, data: dict[str, Any]) -> None:
        self.on_message(data)


class Toolbar:
    """The toolbar; `set` and `message` update it, buttons call the actions by name."""

    def __init__(
        self, presets: list[dict[str, str]], actions: Mapping[str, Callable[..., None]]
    ) -> None:
        """A toolbar with these presets; without presets there is no button of examples.

        Args:
            presets: `name` and `title` of each.
            actions: what to call, on the page's thread: play(bool), step(), reset(), seed(),
                speed(int), view("2d", "3d" or "compare"), comparison(name),
                restore(), undo(), redo(), keep(), forget(), export(), projector(bool), stop(),
                start_here(), leave_point(), drawn(number), and ready() when a browser shows the
                bar, at first or again.
        """
        self._actions = actions
        self.shown: dict[str, Any] = {}
        # No height of its own: in a narrow window it has two lines, for a projector taller ones.
        self.view = ToolbarModel(
            presets=presets,
            comparisons=MODES,
            most_kept=MOST_KEPT,
            projector=theme.PROJECTOR,
            sizing_mode="stretch_width",
            styles={"flex": "none"},
            margin=0,
        )
        self.view.on_message = self._on_message

    def set(self, readings: Mapping[str, Any]) -> None:
        """Update the values shown; only changes are sent.

        In addition to the metrics of a run (step, epoch, time, train_loss, test_loss,
        test_accuracy, status) and `playing`, `preset`, `speed`, `view`, `comparison`, `frame` there
        are:

        `can_undo`, `can_redo`, `changed` (from the preset), `projector`: booleans;
        `kept`: the number of runs kept for comparison;
        `progress`: None, or `what` is computed, `done` of `total` (0: unknown), the seconds `left`
        (None: unknown), and whether it is `training`;
        `point`: None, or `alpha`, `beta`, their axes' `names` and `values` (metrics by name) of the
        inspected point;
        `stale`: whether landscape, curves and side_panel show other settings than the form;
        `absent`: the metrics that the problem does not have; `value_name`: what `train_loss` is
        called.
        """
        changes = {name: value for name, value in readings.items() if self.shown.get(name) != value}
        if changes:
            self.shown |= changes
            self.view._send_msg(changes)

    def message(self, text: str, *, alert: bool = False) -> None:
        """Show a message under the toolbar; an empty text hides it."""
        self.set({"message": text, "alert": alert})

    @property
    def alerting(self) -> bool:
        """Whether an error message is shown."""
        return bool(self.shown.get("message")) and bool(self.shown.get("alert"))

    def _on_message(self, data: dict[str, Any]) -> None:
        if data["action"] == "ready":  # a browser has come, or come back
            self.view._send_msg(self.shown)
        value = data.get("value")
        action = self._actions[data["action"]]
        action() if value is None else action(value)
        if data["action"] == "play" and value != self.shown.get("playing"):
            self.view._send_msg({"playing": self.shown.get("playing", False)})  # it was refused

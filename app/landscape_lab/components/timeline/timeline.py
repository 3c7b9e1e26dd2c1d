"""The time line under the landscape: all recorded steps of a run and the current one."""

import time
from collections.abc import Callable, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

from panel.custom import JSComponent

from landscape_lab.bridge.jupyter import Messages

PARTS = ("../signals.js", "timeline.js")
"""Its JavaScript files, joined in this order to one module."""

PAUSE = 0.2
"""Minimum seconds between two messages during training."""


class TimelineModel(Messages, JSComponent):
    """Its browser model."""

    _esm = "\n".join(Path(__file__).parent.joinpath(part).read_text("utf-8") for part in PARTS)

    on_message: Callable[[dict[str, Any]], None]

    def _handle_msg(self, data: dict[str, Any]) -> None:
        self.on_message(data)


class Timeline:
    """A slider over the recorded steps; reports the step selected by the user."""

    def __init__(self, chosen: Callable[[int], None]) -> None:
        """An empty time line; `chosen` is called with a recorded step, on the page's thread."""
        self._chosen = chosen
        self._steps: list[int] = []
        self._shown: dict[str, Any] = {}
        self._sent_at = 0.0
        # No height of its own: it is taller for a projector and where fingers press.
        self.view = TimelineModel(
            sizing_mode="stretch_width", styles={"flex": "none"}, margin=0, min_height=0
        )
        self.view.on_message = self._on_message

    def set(
        self,
        steps: Sequence[int],
        seen: int,
        *,
        playing: bool,
        loss: float | None,
        called: str = "train loss",
    ) -> None:
        """Show the recorded steps, the current one, and the training loss there, as it is `called`.

        Only new steps are sent, at most five times a second during training; a call for a paused
        run sends all.
        """
        now = time.monotonic()
        if playing and self._shown.get("playing") and now - self._sent_at < PAUSE:
            return
        self._sent_at = now
        if loss is not None and loss != loss:  # NaN is never equal to what was shown
            loss = None
        values: dict[str, Any] = {"seen": seen, "playing": playing, "loss": loss, "called": called}
        changes = {
            name: value for name, value in values.items() if self._shown.get(name, ...) != value
        }
        pairs = zip(self._steps, steps, strict=False)
        kept = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        if (kept, kept) != (len(self._steps), len(steps)):
            changes |= {"kept": kept, "steps": list(steps[kept:])}
        self._steps, self._shown = list(steps), values
        if changes:
            self.view._send_msg(changes)

    def _on_message(self, data: dict[str, Any]) -> None:
        if "seek" in data:
            self._chosen(int(data["seek"]))
        elif self._shown:  # a browser has come, or come back
            self.view._send_msg({**self._shown, "kept": 0, "steps": self._steps})

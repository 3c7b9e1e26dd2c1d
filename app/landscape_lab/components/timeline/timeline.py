"""The strip under the landscape: all recorded steps of a run, and the one that is looked at."""

import time
from collections.abc import Callable, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

from panel.custom import JSComponent

from landscape_lab.bridge.jupyter import Messages

PARTS = ("../signals.js", "timeline.js")
"""Its JavaScript: one module, in this order."""

PAUSE = 0.2
"""Seconds between two messages while a run plays."""


class TimelineModel(Messages, JSComponent):
    """Its browser side."""

    _esm = "\n".join(Path(__file__).parent.joinpath(part).read_text("utf-8") for part in PARTS)

    heard: Callable[[dict[str, Any]], None]

    def _handle_msg(self, data: dict[str, Any]) -> None:
        self.heard(data)


class Timeline:
    """A slider over recorded steps; tells which step the user wants to see."""

    def __init__(self, sought: Callable[[int], None]) -> None:
        """No step yet; `sought` is called with a recorded step, on the page's thread."""
        self._sought = sought
        self._steps: list[int] = []
        self._told: dict[str, Any] = {}
        self._told_at = 0.0
        # No height of its own: it is taller for a projector and where fingers press.
        self.view = TimelineModel(
            sizing_mode="stretch_width", styles={"flex": "none"}, margin=0, min_height=0
        )
        self.view.heard = self._hear

    def set(self, steps: Sequence[int], seen: int, *, playing: bool, loss: float | None) -> None:
        """Show the recorded steps, the one that is seen, and the training loss there.

        Only what is new is sent: of the steps those that differ from what is known on. While a run
        plays that is at most five times a second; the call that says that it is held brings all.
        """
        now = time.monotonic()
        if playing and self._told.get("playing") and now - self._told_at < PAUSE:
            return
        self._told_at = now
        if loss is not None and loss != loss:  # NaN is never equal to what was told
            loss = None
        told: dict[str, Any] = {"seen": seen, "playing": playing, "loss": loss}
        news = {name: value for name, value in told.items() if self._told.get(name, ...) != value}
        pairs = zip(self._steps, steps, strict=False)
        kept = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        if (kept, kept) != (len(self._steps), len(steps)):
            news |= {"kept": kept, "steps": list(steps[kept:])}
        self._steps, self._told = list(steps), told
        if news:
            self.view._send_msg(news)

    def _hear(self, data: dict[str, Any]) -> None:
        if "seek" in data:
            self._sought(int(data["seek"]))
        elif self._told:  # a browser has come, or come back
            self.view._send_msg({**self._told, "kept": 0, "steps": self._steps})

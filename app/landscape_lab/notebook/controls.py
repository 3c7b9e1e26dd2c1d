"""Every control of a page as an ordinary ipywidget, for a notebook cell.

`Controls(page)["run.optimizer.learning_rate"]` is a widget with a `value` that can be observed and
set; what is set there, in the page or by `page.choose` is the same everywhere.
"""

import threading
from collections.abc import Iterator, Mapping
from typing import Any

import ipywidgets

from landscape_lab.bridge.event_loop import UiLoop
from landscape_lab.page.controller import Page
from landscape_lab.state.form_model import described, rows
from landscape_lab.state.scene import Scene


class Controls(Mapping[str, ipywidgets.Widget]):
    """The widgets by their path in the scene; `box` holds those that now apply, and the buttons."""

    def __init__(self, page: Page) -> None:
        """Widgets for a page, kept in step with it both ways."""
        self._page = page
        self._loop = UiLoop()
        self._widgets: dict[str, Any] = {}
        self._following: set[int] = set()
        self._shown: tuple[Scene, bool] | None = None
        self.box = ipywidgets.VBox()
        self.play = ipywidgets.ToggleButton(description="Play", tooltip="Let the run go on")
        self.step = ipywidgets.Button(description="Step", tooltip="One training step")
        self.reset = ipywidgets.Button(description="Reset", tooltip="Back to the start")
        self.play.observe(self._play, "value")
        self.step.on_click(lambda _: self._loop.now(page.step))
        self.reset.on_click(lambda _: self._loop.now(page.reset))
        page.watch(self._follow)
        self._follow(page.scene, page.playing)

    def __getitem__(self, path: str) -> ipywidgets.Widget:
        """The widget of a path that now applies."""
        return self._widgets[path]

    def __iter__(self) -> Iterator[str]:
        """The paths that now apply, in the order of the form."""
        return iter(self._widgets)

    def __len__(self) -> int:
        """How many controls now apply."""
        return len(self._widgets)

    def _follow(self, scene: Scene, playing: bool) -> None:  # noqa: FBT001 - called by the page
        if self._shown == (scene, playing):
            return
        self._shown = (scene, playing)
        self._following.add(threading.get_ident())
        known, self._widgets = self._widgets, {}
        for entry in rows(scene):
            row = described(entry)
            widget = known.get(entry.path)
            if widget is None:
                widget = _widget(row)
                widget.observe(lambda change, path=entry.path: self._choose(path, change), "value")
            elif widget.value != row["value"]:
                widget.value = row["value"]
            self._widgets[entry.path] = widget
        self.play.value = playing
        buttons = ipywidgets.HBox([self.play, self.step, self.reset])
        self.box.children = (buttons, *self._widgets.values())
        self._following.discard(threading.get_ident())

    def _choose(self, path: str, change: Any) -> None:
        if not self._from_itself:
            self._loop.now(self._page.choose, path, change["new"])

    def _play(self, change: Any) -> None:
        if not self._from_itself:
            self._loop.now(self._page.play, change["new"])

    @property
    def _from_itself(self) -> bool:
        """Whether a widget follows the page; what another thread sets at the same time does not."""
        return threading.get_ident() in self._following


def _widget(row: Mapping[str, Any]) -> Any:
    """The ipywidget for a row of the form."""
    words = {"description": row["label"], "tooltip": row["help"]}
    style = {"style": {"description_width": "110px"}}
    if row["kind"] == "choice":
        options = [(option["label"], option["value"]) for option in row["options"]]
        return ipywidgets.Dropdown(options=options, value=row["value"], **words, **style)
    if row["kind"] == "switch":
        return ipywidgets.Checkbox(value=row["value"], **words, **style)
    if row["kind"] == "text":
        return ipywidgets.Text(value=row["value"], continuous_update=False, **words, **style)
    ends = {"min": row["low"], "max": row["high"]}
    if row["kind"] == "integer":
        return ipywidgets.BoundedIntText(value=row["value"], **ends, **words, **style)
    return ipywidgets.BoundedFloatText(value=row["value"], **ends, **words, **style)

"""The landscape as one ipywidget among others: traits to observe and to link, a page to look at.

What is set here, in the page or by a linked widget is the same everywhere. Style guide 28 asks to
own a widget rather than to be one; here the point is to be one.
"""

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import ipywidgets
import traitlets
import xarray as xr

from landscape_core.session.picture import Picture
from landscape_core.session.session import Session
from landscape_core.storage.store import Store
from landscape_lab.bridge.event_loop import UiLoop
from landscape_lab.bridge.jupyter import show
from landscape_lab.notebook.pending import PendingPoint, PendingStep, coordinates_of
from landscape_lab.page.controller import Page
from landscape_lab.state.scene import Scene

HEIGHT = 560
"""Pixels of a cell's height that the page takes where nobody says."""


class LandscapeWidget(ipywidgets.VBox):
    """A run on its landscape; it starts once a browser shows it.

    The traits follow the picture that is shown. `step` is the training step that is looked at, and
    setting it goes there; `alpha` and `beta` are the coordinates of the point that is looked at,
    and setting them looks at another; `loss` is the loss there, None where it is not a finite
    number; `playing` is whether the run goes on. All are synchronized with the browser, so that
    `ipywidgets.jslink` works on them.
    """

    playing = traitlets.Bool(default_value=False).tag(sync=True)
    step = traitlets.Int(0, min=0).tag(sync=True)
    alpha = traitlets.Float(0.0).tag(sync=True)
    beta = traitlets.Float(0.0).tag(sync=True)
    loss = traitlets.Float(None, allow_none=True).tag(sync=True)

    def __init__(self, scene: Scene, store: Store | None = None, height: int = HEIGHT) -> None:
        """Open a page of its own on a scene.

        Args:
            scene: what is trained, which slice is looked at, and how it is drawn.
            store: keeps slices; by default this user's.
            height: pixels; the width is that of the cell.
        """
        self._page = Page(store=store, own=scene)
        self._store = store
        self._loop = UiLoop()
        self._following: set[int] = set()
        self._pending: PendingStep | PendingPoint | None = None
        self._waiting: list[Callable[[], None]] = []
        fitting = {"height": f"{height}px", "min-width": "0"}
        self._page.view.styles = {**self._page.view.styles, **fitting}
        shown = show(self._page.view, self._page.rest)
        shown.layout = ipywidgets.Layout(width="100%", height=f"{height}px")
        super().__init__([shown], layout=ipywidgets.Layout(width="100%", overflow="hidden"))
        self.observe(self._play, "playing")
        self.observe(self._seek, "step")
        self.observe(self._inspect, ["alpha", "beta"])
        self._page.watch(self._follow)

    @property
    def page(self) -> Page:
        """The page that the widget shows."""
        return self._page

    @property
    def scene(self) -> Scene:
        """The settings that are wanted."""
        return self._page.scene

    @property
    def picture(self) -> Picture | None:
        """The picture that is shown; None until a browser shows it."""
        return self._page.picture

    @property
    def slice(self) -> xr.Dataset:
        """The slice that is shown; where no browser shows one yet, computed now."""
        if self.picture is not None:
            return self.picture.slice
        session = Session(self.scene.run, self.scene.computed_slice, self._store)
        session.advance_to(self.step)
        *_, last = session.refine()
        return last.slice

    def choose(self, path: str, value: Any) -> None:
        """Put a value at a path of the scene: `"run.optimizer.learning_rate"`, `"slice.span"`."""
        self._pending = None
        self._page.choose(path, value)

    def play(self) -> None:
        """Let the run go on."""
        self.playing = True

    def pause(self) -> None:
        """Hold the run."""
        self.playing = False

    def reset(self) -> None:
        """Go back to the start."""
        self._pending = None
        self._ask(self._page.reset)

    def close(self) -> None:
        """End the work, and take the widget away."""
        self._page.close()
        super().close()

    def _follow(self, scene: Scene, playing: bool) -> None:  # noqa: FBT001 - called by the page
        del scene
        picture = self.picture
        if picture is None:
            return
        waiting, self._waiting = self._waiting, []
        if waiting:
            for action in waiting:
                action()
            return  # the page has called this again for what follows
        if playing or (self._pending is not None and self._pending.over(picture)):
            self._pending = None
        with self._from_page():
            self.playing = playing
            if not isinstance(self._pending, PendingStep):
                self.step = picture.seen
            if not isinstance(self._pending, PendingPoint):
                self.alpha, self.beta = coordinates_of(picture)
            values = picture.point.values if picture.point else picture.readings.values
            loss = values.get(f"{picture.spec.split}_loss", math.nan)
            self.loss = loss if math.isfinite(loss) else None

    @contextmanager
    def _from_page(self) -> Iterator[None]:
        """While traits follow the page, their changes are not sent back to it."""
        thread = threading.get_ident()
        self._following.add(thread)
        try:
            with self.hold_sync():
                yield
        finally:
            self._following.discard(thread)

    def _ask(self, action: Callable[[], None]) -> None:
        """Call a method of the page, once it shows a picture."""
        if self.picture is None:
            self._waiting.append(action)
        else:
            action()

    def _play(self, change: Any) -> None:
        if not self._from_itself:
            self._loop.now(self._wish, None, partial(self._page.play, change["new"]))

    def _seek(self, change: Any) -> None:
        if not self._from_itself:
            pending = PendingStep(change["new"], self.picture)
            self._loop.now(self._wish, pending, partial(self._page.seek, change["new"]))

    def _inspect(self, _: Any) -> None:
        if not self._from_itself:
            pending = PendingPoint((self.alpha, self.beta), self.picture)
            self._loop.now(self._wish, pending, partial(self._page.look_at, self.alpha, self.beta))

    @property
    def _from_itself(self) -> bool:
        """Whether a trait follows the page; what another thread sets at the same time does not."""
        return threading.get_ident() in self._following

    def _wish(self, pending: PendingStep | PendingPoint | None, action: Callable[[], None]) -> None:
        self._pending = pending
        self._ask(action)

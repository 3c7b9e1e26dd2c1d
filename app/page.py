"""One page: the scene as its state, controls that change it, views of the latest picture.

All that is on the screen follows from the place (preset, scene, step), from whether the run plays,
and from the latest picture. A change of any control makes a new scene and gives the worker a new
piece of work; what an older one still says is dropped by the desk.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import panel as pn

from app import forms, theme
from app.components.form import Form
from app.components.heartbeat import Heartbeat
from app.components.link import Link
from app.components.toolbar import Toolbar
from app.jobs import Desk
from app.scene import FIRST, Place, Scene, place, presets
from app.stage import Stage
from app.wiring import UiLoop
from landscape_core.errors import LandscapeError, SpecError
from landscape_core.live import Picture, Session
from landscape_core.store import Store

SECTIONS = (
    ("Data", "what is to be learned", ("run.problem.dataset",)),
    ("Network", "what learns it", ("run.problem.architecture", "run.problem.loss")),
    ("Optimizer", "how it moves", ("run.optimizer", "run.batch_size", "run.seed")),
    ("Landscape", "which slice is shown", ("view.directions", "view.")),
    ("Display", "how it is drawn", ("display.height", "display.color")),
)
"""The form's sections: title, help, and the beginnings of the paths that they hold."""

PICTURES_TO_STEP = 20
"""Pictures shown on the way to the step that a link names."""


class Page:
    """The laboratory on one screen."""

    def __init__(self, link: str = "", store: Store | None = None) -> None:
        """Build the page and start drawing the place that a link names."""
        self._store = store
        self._desk = Desk(UiLoop())
        self._session: Session | None = None  # the worker's alone
        self._picture: Picture | None = None
        self._playing = False
        self._place = self._good = _opening(FIRST)
        self._build()
        self.open(link)

    def open(self, link: str) -> None:
        """Go to the place that a link names; if it cannot be read, to the first, saying why."""
        self._toolbar.message("")
        try:
            self._place = place(link)
        except SpecError as error:
            self._place = _opening(FIRST)
            self._toolbar.message(f"This link could not be opened: {error}", alert=True)
        self._playing = False
        self._start(self._work(fresh=True, until=self._place.step))

    def close(self) -> None:
        """End the worker; nothing of the page stays behind."""
        self._desk.close()

    @property
    def scene(self) -> Scene:
        """What is now asked for."""
        return self._place.scene

    @property
    def picture(self) -> Picture | None:
        """What is now shown."""
        return self._picture

    def choose(self, path: str, value: Any) -> None:
        """Put a value at a path of the scene, as its control does."""
        try:
            scene = forms.assign(self.scene, path, value)
        except SpecError as error:
            self._form.set_error(path, str(error))
            return
        self._form.set_error(path, None)
        drawing = scene.run == self.scene.run and scene.view == self.scene.view
        self._place = replace(self._place, scene=scene)
        if drawing and not (self._playing and path == "display.speed"):
            self._show_controls()
            self._draw()
            return
        self._start(self._work(fresh=False))

    def play(self, playing: bool = True) -> None:  # noqa: FBT001, FBT002 - the state of a button
        """Let the run go on, or hold it."""
        ended = self._picture is not None and self._picture.status in ("diverged", "finished")
        self._playing = playing
        self._start(self._work(fresh=playing and ended))

    def step(self) -> None:
        """Make one training step and hold."""
        self._playing = False
        self._start(self._work(fresh=False, more=1))

    def reset(self) -> None:
        """Stand at the start again, with the same seed."""
        self._playing = False
        self._start(self._work(fresh=True))

    def reseed(self) -> None:
        """Stand at the start of another run, with the next seed."""
        self._playing = False
        self.choose("run.seed", self.scene.run.seed + 1)

    def _work(self, *, fresh: bool, until: int = 0, more: int = 0) -> "_Work":
        return _Work(self, self.scene, self._playing, fresh, until, more)

    def _start(self, work: "_Work") -> None:
        self._show_controls()
        self._desk.submit(work.pictures, self._show, self._fail, self._done)

    def _show(self, picture: Picture) -> None:
        self._picture = picture
        self._good = replace(self._place, step=picture.readings.step)
        self._draw()

    def _done(self) -> None:
        self._playing = False
        self._place = self._good
        self._link.set(self._place.link())
        self._draw()

    def _fail(self, error: Exception) -> None:
        """Say what is wrong at the control that it concerns, and keep what was in force."""
        self._playing = False
        self._toolbar.set({"playing": False})
        path = forms.path_of(self.scene, error.field) if isinstance(error, SpecError) else None
        self._place = self._good
        self._show_controls()
        if path is not None:
            self._form.set_error(path, str(error))
        else:
            known = isinstance(error, LandscapeError)
            text = str(error) if known else f"Something failed: {type(error).__name__}: {error}"
            self._toolbar.message(text, alert=True)

    def _draw(self) -> None:
        if self._picture is None:
            return
        self._stage.draw(self._picture, self.scene.display)
        self._toolbar.set(_readings(self._picture, playing=self._playing))

    def _show_controls(self) -> None:
        entries = list(forms.rows(self.scene))
        self._form.show([_section(entries, *section) for section in SECTIONS])
        display = self.scene.display
        self._toolbar.set(
            {
                "playing": self._playing,
                "speed": display.speed,
                "view": display.show,
                "preset": self._place.preset,
            }
        )

    def _build(self) -> None:
        self._form, self._stage, self._heartbeat = Form(self.choose), Stage(), Heartbeat()
        self._toolbar = Toolbar()
        self._link = Link()
        self.view = pn.Column(
            self._toolbar.view,
            pn.Row(
                self._form.view,
                self._stage.landscape,
                self._stage.side,
                sizing_mode="stretch_both",
                min_height=0,
            ),
            self._link.view,
            self._heartbeat.view,
            css_classes=["laboratory"],
            sizing_mode="stretch_both",
        )


class _Work:
    """One piece of work for the worker: bring the session in line with a scene, then go on."""

    def __init__(self, page: Page, *, fresh: bool, until: int, more: int) -> None:
        self._page, self._place, self._playing = page, page._place, page._playing
        self._fresh, self._until, self._more = fresh, until, more


def _opening(name: str) -> Place:
    preset = presets()[name]
    return Place(name, preset.scene, preset.steps)


def _section(
    entries: list[forms.Entry], title: str, note: str, beginnings: tuple[str, ...]
) -> dict[str, Any]:
    fields = [forms.described(entry) for entry in entries if entry.path.startswith(beginnings)]
    return {"title": title, "help": note, "fields": fields}


def _readings(picture: Picture, *, playing: bool) -> dict[str, Any]:
    """What the toolbar tells of a picture."""
    readings = picture.readings
    status = "running" if playing and picture.status == "paused" else picture.status
    return {
        "playing": playing,
        "status": status,
        "step": readings.step,
        "epoch": readings.epoch,
        "time": readings.seconds,
        **readings.values,
    }

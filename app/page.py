"""One page: the scene as its state, controls that change it, views of the latest picture.

All that is on the screen follows from the place (preset, scene, step), from whether the run plays,
and from the latest picture. A change of any control makes a new scene and gives the worker a new
piece of work; what an older one still says is dropped by the desk.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import panel as pn

from app import forms
from app.components.form import Form
from app.components.heartbeat import Heartbeat
from app.components.link import Link
from app.components.toolbar import Toolbar
from app.jobs import Desk
from app.scene import FIRST, Display, Place, Scene, opening, place, presets
from app.stage import Stage
from app.storage import user_store
from app.wiring import UiLoop
from landscape_core.datasets.base import Dataset
from landscape_core.errors import LandscapeError, SpecError
from landscape_core.live import Session
from landscape_core.pictures import Picture
from landscape_core.problems.base import Problem
from landscape_core.recipes import Recipe, name_of
from landscape_core.store import Store

SECTIONS = {
    "Data": "what is learned",
    "Network": "what learns it",
    "Optimizer": "how it moves",
    "Landscape": "what is shown",
    "Display": "how it is drawn",
}
"""The form's sections, and what they are about."""

ELSEWHERE = ("run.device", "run.dtype", "run.checkpoints", "run.memory_mb", "display.show",
             "display.speed")  # fmt: skip
"""Paths that are on no form: for the command line and links, or in the toolbar."""

FIRST_FIELDS = 3
"""How many fields of each data set, network and optimizer are shown without asking for more."""

SELDOM = ("run.sampler", "run.schedule.warmup", "run.problem.regularizer")
"""Rows that wait behind "more" for as long as they are as they were at first."""

ASIDE_DEPTH = 2
"""Dots in the path of a setting of what stands beside the landscape; deeper ones are details."""


class Page:
    """The laboratory on one screen."""

    def __init__(self, link: str = "", store: Store | None = None) -> None:
        """Build the page; it draws the place that a link names once a browser shows it."""
        self._store = store or user_store()
        self._desk = Desk(UiLoop())
        self._session: Session | None = None  # the worker's alone
        self._picture: Picture | None = None
        self._playing = False
        self._followers: list[Callable[[Scene, bool], None]] = []
        self._place = self._good = opening(FIRST)
        self._build()
        self._link_first, self._started = link, False
        if pn.state.curdoc is not None and pn.state.curdoc.session_context is not None:
            pn.state.on_session_destroyed(lambda _: self.close())
        self._tell_story()
        self._show_controls()

    def ready(self) -> None:
        """A browser shows the page: start, or draw again what it has not seen.

        Not earlier: in a kernel, what changes between the making of the page and its arrival in the
        browser is lost on the way.
        """
        if not self._started:
            self.open(self._link_first)
        else:
            self._draw()

    def open(self, link: str) -> None:
        """Go to the place that a link names; if it cannot be read, to the first, saying why."""
        try:
            self._go(place(link))
        except SpecError as error:
            self._go(opening(FIRST))
            self._toolbar.message(f"This link could not be opened: {error}", alert=True)

    def close(self) -> None:
        """End the worker; nothing of the page stays behind."""
        self._desk.close()

    def watch(self, follower: Callable[[Scene, bool], None]) -> None:
        """Call this with the scene and whether the run plays, whenever either may have changed."""
        self._followers.append(follower)

    @property
    def playing(self) -> bool:
        """Whether the run goes on."""
        return self._playing

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
        self._form.clear_errors()
        only_drawing = _work_of(scene) == _work_of(self.scene)
        self._place = replace(self._place, scene=scene)
        if only_drawing and not self._playing:
            self._show_controls()
            self._draw()
            self._link.set(self._place.link())
        else:
            self._start()

    def play(self, playing: bool = True) -> None:  # noqa: FBT001, FBT002 - the state of a button
        """Let the run go on, or hold it; a run that has ended starts again."""
        ended = self._picture is not None and self._picture.status in ("diverged", "finished")
        self._playing = playing
        self._start(fresh=playing and ended)

    def step(self) -> None:
        """Make one training step and hold."""
        self._playing = False
        self._start(more=1)

    def reset(self) -> None:
        """Stand at the start again, with the same seed."""
        self._playing = False
        self._start(fresh=True)

    def reseed(self) -> None:
        """Start another run, with the next seed."""
        self.choose("run.seed", self.scene.run.seed + 1)

    def _go(self, there: Place) -> None:
        self._started = True
        self._place, self._playing = there, False
        self._toolbar.message("")
        self._tell_story()
        self._start(fresh=True, until=there.step)

    def _tell_story(self) -> None:
        preset = presets()[self._place.preset]
        self._stage.tell(preset.question, preset.watch)

    def _start(self, *, fresh: bool = False, until: int = 0, more: int = 0) -> None:
        self._form.set_busy(True)
        self._show_controls()
        self._link.set(self._place.link())
        if self._toolbar.alerting and (fresh or more or self._playing):
            self._toolbar.message("")
        job = _Job(self._place.scene, self._playing, fresh, until, more)
        self._desk.submit(lambda: self._work(job), self._show, self._fail, self._done)

    def _work(self, job: "_Job") -> Iterator[Picture]:
        """On the worker: bring the session in line with the scene, then go on from there."""
        scene, session = job.scene, self._session
        if session is None or job.fresh or not session.continues(scene.run):
            session = Session(scene.run, scene.view, self._store)
            self._session = session
        session.continue_with(scene.run)
        session.look_through(scene.view)
        aside = scene.display.aside
        session.watch(aside.watch)
        yield from session.travel(job.until)
        if job.more:
            session.advance(job.more)
        yield session.picture()
        if job.playing:
            yield from session.play(scene.display.speed)
        yield from session.refine()
        yield from session.study(name_of(type(aside)), aside.study)

    def _show(self, picture: Picture) -> None:
        self._picture = picture
        self._place = replace(self._place, step=picture.readings.step)
        self._good = self._place
        self._draw()
        if picture.status == "diverged":
            self._toolbar.message(
                f"The run diverged at step {picture.readings.step}: the loss is no longer a finite "
                "number. Its path is kept. Lower the learning rate, then press Play or Reset.",
                alert=True,
            )

    def _done(self) -> None:
        self._playing = False
        self._form.set_busy(False)
        self._toolbar.set({"playing": False})
        self._inform()
        self._draw()
        self._link.set(self._place.link())

    def _fail(self, error: Exception) -> None:
        """Say what is wrong at the control that it concerns, and keep what was in force."""
        self._playing = False
        self._form.set_busy(False)
        wanted, self._place = self.scene, self._good
        self._link.set(self._place.link())
        self._show_controls()
        known = isinstance(error, LandscapeError)
        path = self._concerned(error, wanted) if known else None
        if self._picture is None and wanted != self.scene:  # what a link names cannot be shown
            self._start(fresh=True, until=self._place.step)
            path = None
        if path is not None:
            self._form.set_error(path, str(error))
            return
        text = str(error) if known else f"Something failed: {type(error).__name__}: {error}"
        self._toolbar.message(text, alert=True)

    def _concerned(self, error: Exception, wanted: Scene) -> str | None:
        """The path of the control at which an error belongs, if one is shown.

        The one that the error names, or the menu from which the part with that field was chosen, or
        else the first that differs from what is in force.
        """
        named = forms.path_of(wanted, error.field) if isinstance(error, SpecError) else None
        changed = next(iter(forms.differences(wanted, self.scene)), None)
        shown = self._form.paths
        for path in filter(None, (named, changed)):
            while path and path not in shown:
                path = path.rpartition(".")[0]
            if path:
                return path
        return None

    def _draw(self) -> None:
        if self._picture is not None:
            self._stage.draw(self._picture, self.scene.display)
            readings = _readings(self._picture, playing=self._playing)
            self._toolbar.set({**readings, "frame": self._desk.sent()})

    def _show_controls(self) -> None:
        sections = [_section(self.scene, title) for title in SECTIONS]
        self._form.show([section for section in sections if section["fields"]])
        display, preset = self.scene.display, self._place.preset
        shown = {"speed": display.speed, "view": display.show, "preset": preset}
        self._toolbar.set({**shown, "playing": self._playing})
        self._inform()

    def _inform(self) -> None:
        for follower in self._followers:
            follower(self.scene, self._playing)

    def _build(self) -> None:
        self._form, self._stage = Form(self.choose), Stage()
        self._toolbar = Toolbar(
            [preset.words() for preset in presets().values()],
            {
                "play": self.play,
                "step": self.step,
                "reset": self.reset,
                "seed": self.reseed,
                "speed": lambda steps: self.choose("display.speed", steps),
                "view": lambda name: self.choose("display.show", name),
                "preset": lambda name: self._go(opening(name)),
                "drawn": self._desk.drawn,
                "ready": self.ready,
            },
        )
        self._link = Link(self.open)
        middle = pn.Row(
            self._form.view,
            self._stage.landscape,
            self._stage.side,
            sizing_mode="stretch_both",
            min_height=0,
        )
        self.view = pn.Column(
            self._toolbar.view,
            middle,
            self._link.view,
            Heartbeat().view,
            sizing_mode="stretch_both",
            styles={"height": "100vh", "min-width": "980px", "background": "#fff"},
            margin=0,
        )


def _work_of(scene: Scene) -> Scene:
    """The scene as the worker needs it: how a picture is drawn makes no work."""
    return scene.replace(display=Display(aside=scene.display.aside))


@dataclass(frozen=True)
class _Job:
    """What the worker is to do: from a fresh start or not, up to a step, some more, then play."""

    scene: Scene
    playing: bool
    fresh: bool
    until: int
    more: int


def _section(scene: Scene, title: str) -> dict[str, Any]:
    problem = scene.run.problem
    chosen = [entry for entry in forms.rows(scene) if _section_of(entry.path, problem) == title]
    # The numbers of a problem stand after its data.
    chosen.sort(key=lambda entry: title == "Data" and _is_number(entry.path, problem))
    fields = [forms.described(entry) | {"detail": _is_detail(entry)} for entry in chosen]
    return {"title": title, "help": SECTIONS[title], "fields": fields}


def _section_of(path: str, problem: Problem) -> str:
    """The section of a row, or nothing: what a problem has beside data belongs to the network."""
    if path.startswith(ELSEWHERE):
        return ""
    if path.startswith("run.problem"):
        part = _part(path, problem)
        return "Data" if part is None or isinstance(part, Dataset) else "Network"
    if path.startswith("run."):
        return "Optimizer"
    return "Landscape" if path.startswith(("view.", "display.aside")) else "Display"


def _is_number(path: str, problem: Problem) -> bool:
    """Whether a row is a plain value of the problem itself."""
    return path != "run.problem" and _part(path, problem) is None


def _part(path: str, problem: Problem) -> Recipe | None:
    """The recipe within a problem that a path lies in, if any."""
    names = path.split(".")
    given = getattr(problem, names[2]) if len(names) > 2 else None
    return given if isinstance(given, Recipe) else None


def _is_detail(entry: forms.Entry) -> bool:
    """Whether a row waits behind "more": the first fields of each part are the telling ones."""
    if entry.path.startswith("view."):
        return not entry.path.startswith("view.directions") or entry.place > 0
    if entry.path.startswith("display.aside."):
        return entry.place > 0 or entry.path.count(".") > ASIDE_DEPTH
    if entry.path == "run.steps" or (entry.path in SELDOM and entry.value == entry.field.default):
        return True
    return entry.path.startswith("run.") and entry.place >= FIRST_FIELDS and entry.nested


def _readings(picture: Picture, *, playing: bool) -> dict[str, Any]:
    """What the toolbar tells of a picture."""
    readings = picture.readings
    held = picture.status if not playing else "running"
    status = picture.status if picture.status in ("diverged", "finished") else held
    known = {name: value if value == value else None for name, value in readings.values.items()}
    values = dict.fromkeys(("train_loss", "test_loss", "test_accuracy")) | known
    counts = {"step": readings.step, "epoch": readings.epoch, "time": readings.seconds}
    return {"playing": playing, "status": status, **counts, **values}

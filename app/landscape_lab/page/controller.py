"""Controller of a page: its place, controls that change it, figures of the latest picture.

All that is on the screen follows from the place, from whether the run plays, and from the latest
update of the worker. A change of any control submits a new job to the worker; the queue drops the
updates of older jobs.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import panel as pn

from landscape_core.foundation.errors import LandscapeError, SpecError
from landscape_core.session.picture import Picture
from landscape_core.storage.store import Store
from landscape_lab.bridge.event_loop import UiLoop
from landscape_lab.exports.base import Making, file_name, kinds
from landscape_lab.page.comparison import beside
from landscape_lab.page.form_sections import concerned, worded
from landscape_lab.page.layout import Board
from landscape_lab.state import form_model
from landscape_lab.state.history import History
from landscape_lab.state.place import (
    MOST_KEPT,
    SPARE,
    Origin,
    Place,
    check_bounds,
    opening,
    place,
    toured,
)
from landscape_lab.state.preset import FIRST, presets
from landscape_lab.state.scene import Display, Scene
from landscape_lab.state.user_store import user_store
from landscape_lab.worker.progress_text import Waiting
from landscape_lab.worker.thread import LatestJobQueue
from landscape_lab.worker.worker import Job, Update, Worker

LINKED = 1.0
"""Seconds between two changes of the address while a run goes on."""


class Page:
    """The laboratory on one screen."""

    def __init__(
        self, link: str = "", store: Store | None = None, own: Scene | None = None
    ) -> None:
        """Build the page; it draws where it is to stand once a browser shows it.

        Args:
            link: a place to open.
            store: where pictures are kept; by default this user's.
            own: a scene of the user's own instead, without presets and links.
        """
        self._desk, self._worker = LatestJobQueue(UiLoop()), Worker(store or user_store())
        self._news: Update | None = None
        self._playing = self._busy = False
        self._point: tuple[float, float] | None = None
        self._going: Place | None = None
        self._tour: tuple[str, int] | None = None
        self._linked_at = 0.0
        self._afterwards: Callable[[], None] | None = None
        self._followers: list[Callable[[Scene, bool], None]] = []
        self._own = own
        self._place = self._good = self._first()
        self._history, self._waiting = History(), Waiting()
        self._board = Board(self, own=own is not None)
        self.view = self._board.view
        self._link_first, self._started = link, False
        if pn.state.curdoc is not None and pn.state.curdoc.session_context is not None:
            pn.state.on_session_destroyed(lambda _: self.close())
        self._board.tell_story(self._place.preset)
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
            rest, tour = toured("" if self._own else link)
            if tour is not None:
                self._board.guide.tour(*tour, opening=not rest)
            if tour is None or rest or self._going is None:
                first = self._first() if self._started else self._place
                self._go(place(rest) if rest else first, fresh=True)
        except SpecError as error:
            self._go(self._first(), fresh=True)
            self._board.toolbar.message(f"This link could not be opened: {error}", alert=True)

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
        return self._news.picture if self._news else None

    def choose(self, path: str, value: Any) -> None:
        """Put a value at a path of the scene, as its control does.

        Where an earlier step is looked at, a setting of the run is changed there, and the run goes
        on from that step. Where runs are kept to compare with and none plays, a run with the new
        setting is trained from the start, as far as they are.
        """
        try:
            scene = form_model.assign(self.scene, path, value)
        except SpecError as error:
            self._board.form.set_error(path, worded(error))
            return
        self._board.form.clear_errors()
        if scene == self.scene:
            self._show_controls()
            return
        only_drawing = _work_of(scene) == _work_of(self.scene)
        moves = scene.run != self.scene.run
        anew = moves and bool(self._place.kept) and not self._playing
        back = self._place.seen if moves else None
        here = self._place if anew or back is None else self._place.back(back)
        there = here.wanting(scene)
        if anew:  # to the same step, for a fair comparison
            step = max(kept.step for kept in here.kept)
            there = replace(there, start=scene, step=step, changes=(), seen=None)
        if not self._fits(there, path):
            return
        self._history.add(self._place, path)
        self._place = there
        if anew or back is not None or self._going is not None:
            self._start(go=self._place)
        elif only_drawing and not self._playing:
            self._show_controls()
            self._draw()
        else:
            self._start()

    def restore(self, path: str) -> None:
        """Put the preset's value at a path, or the default where it has none."""
        known = {row.path: row for row in form_model.rows(self._reference())}
        here = {row.path: row for row in form_model.rows(self.scene)}
        value = known[path].value if path in known else here[path].field.default
        self.choose(path, form_model.plain_value(value))

    def play(self, playing: bool = True) -> None:  # noqa: FBT001, FBT002 - the state of a button
        """Let the run go on, or hold it; a run that has ended starts again."""
        picture = self.picture
        ended = picture is not None and picture.status in ("diverged", "finished")
        self._playing, self._point = playing, None
        if playing and ended and self._place.seen is None:
            self._restart()
        else:
            self._start()

    def step(self) -> None:
        """Make one training step and hold; looking back, look at the next recorded step."""
        self._playing, self._point = False, None
        if self._place.seen is not None:
            self.seek(self._place.seen + 1)
        else:
            self._start(more=1)

    def reset(self) -> None:
        """Stand at the start again, with the same seed."""
        self._playing = False
        self._history.add(self._place)
        self._restart()

    def reseed(self) -> None:
        """Start another run, with the next seed."""
        self.choose("run.seed", self.scene.run.seed + 1)

    def seek(self, step: int) -> None:
        """Hold the run, and look at the recorded iterate that is nearest to a step."""
        self._playing, self._point = False, None
        end = int(self.picture.path["step"][-1]) if self.picture else 0
        if step <= end:
            self._start(seek=step)
            return
        self._place = replace(self._place, step=min(step, self.scene.run.steps), seen=None)
        self._start(go=self._place)

    def look_at(self, alpha: float, beta: float) -> None:
        """Hold the run, and see what the network is at a place of the picture."""
        self._playing, self._point = False, (alpha, beta)
        self._start()

    def leave_point(self) -> None:
        """Look at the path again."""
        if self._point is not None:
            self._point = None
            self._start(seek=self.picture.seen if self.picture else 0)

    def start_here(self) -> None:
        """Start a run at the place of the picture that is looked at."""
        if self._point is None:
            return
        origin = Origin(self._place.alone(), *self._point)
        begun = replace(self._place, start=self.scene, step=0, changes=(), origin=origin, seen=None)
        if not self._fits(begun):
            return
        self._history.add(self._place)
        self._go(begun, fresh=True)

    def _fits(self, there: Place, path: str = "") -> bool:
        """Whether the link of a place would be read; if not, it is said, at a control if it is one.

        What opens in no browser is not done: reloading the page would lose it.
        """
        try:
            check_bounds(there.link(), SPARE)
        except SpecError as error:
            told = f"This would make a link that cannot be opened: {error} Reset begins anew."
            if path:
                self._show_controls()
                self._board.form.set_error(path, told)
            else:
                self._board.toolbar.message(told, alert=True)
            return False
        return True

    def undo(self) -> None:
        """Go back to where the last change of a setting was made."""
        self._turn(self._history.undo(self._place))

    def redo(self) -> None:
        """Go forth again."""
        self._turn(self._history.redo(self._place))

    def keep(self) -> None:
        """Hold the run, and keep it to compare others with."""
        one_more = replace(self._place, kept=(*self._place.kept, self._place.alone()))
        if len(self._place.kept) < MOST_KEPT and self._fits(one_more):
            self._playing = False
            self._history.add(self._place)
            self._start(keep=True)

    def forget(self) -> None:
        """Keep no run any more."""
        self._history.add(self._place)
        self._place = replace(self._place, kept=())
        if self.scene.display.show == "compare":
            self.choose("display.show", "2d")
        else:
            self._start()

    def stop(self) -> None:
        """Let the work be, and stay with what there is."""
        self._desk.cancel()
        self._done()

    def export(self, name: str) -> None:
        """Make a file of what is shown, once it is refined, and hand it to the browser."""
        if self._busy:
            self._playing = False
            self._start()
            self._afterwards = lambda: self.export(name)
            return
        picture = self.picture
        if picture is None:
            return
        kind = kinds()[name]
        compares = self.scene.display.show == "compare"
        runs = beside(self._news) if compares and self._news is not None else ()

        def show(making: Making) -> None:
            self._board.exporter.progress(making.done, making.total)
            if making.content is not None:
                text = making.content.decode() if kind.readable else None
                self._board.exporter.deliver(
                    file_name(self._place, picture, kind.suffix), kind.mime, making.content, text
                )

        self._desk.submit(
            lambda: self._worker.export(name, self._place, picture, runs),
            show,
            lambda error: self._board.exporter.fail(_told(error)),
            lambda: None,
        )

    def drawn(self, number: int) -> None:
        """The browser has drawn the picture of that number."""
        self._desk.drawn(number)

    def _first(self) -> Place:
        return Place("", self._own, 0) if self._own else opening(FIRST)

    def _reference(self) -> Scene:
        """The scene that settings are restored to."""
        return self._own or presets()[self._place.preset].scene

    def _go(self, there: Place, *, fresh: bool = False) -> None:
        self._started = True
        self._place, self._playing, self._point = there, False, None
        self._board.toolbar.message("")
        self._board.tell_story(self._place.preset)
        self._board.stage.dim(stale=self._news is not None)
        self._start(go=there, fresh=fresh)

    def open_preset(self, name: str) -> None:
        """Open a preset by name, or the present one anew if the name is empty."""
        self._history.add(self._place)
        self._board.guide.close_tour()
        self._tour = None
        there = replace(opening(name or self._place.preset), kept=self._place.kept)
        if self.scene.display.show == "compare":
            there = there.wanting(form_model.assign(there.scene, "display.show", "compare"))
        self._go(there, fresh=True)

    def open_step(self, link: str) -> None:
        """Go where a step of a tour leads to."""
        self._history.add(self._place)
        self._go(place(link), fresh=True)

    def read(self, tour: str, step: int) -> None:
        """A step of a tour is being read, or none any more if there is no name."""
        self._tour = (tour, step) if tour else None
        self._show_controls()

    def _restart(self) -> None:
        begun = replace(self._place, start=self.scene, step=0, changes=(), seen=None)
        self._place, self._point = begun, None
        self._start(go=begun, fresh=True)

    def _turn(self, there: Place | None) -> None:
        """Go to a place of the history; where only the picture differs, the run stays."""
        if there is None:
            return
        here, self._playing, self._point = self._place, False, None
        if there.follows(replace(here, step=0)) and here.follows(replace(there, step=0)):
            there = replace(there, step=max(there.step, here.step))
        self._place = there
        self._board.tell_story(self._place.preset)
        self._start(go=there)

    def _start(self, **wanted: Any) -> None:
        if not self._started:  # it is done when a browser shows the page
            self._show_controls()
            return
        self._busy, self._afterwards = True, None
        wanted.setdefault("go", self._going)  # first there, if that is still under way
        self._going = wanted["go"]
        self._board.form.set_busy(True)
        self._waiting.begin()
        self._board.stage.hurry()
        if self._board.toolbar.alerting and (any(wanted.values()) or self._playing):
            self._board.toolbar.message("")
        job = Job(
            scene=self.scene, kept=self._place.kept, playing=self._playing, point=self._point,
            **wanted,
        )  # fmt: skip
        self._desk.submit(lambda: self._worker.do(job), self._show, self._fail, self._done)
        self._show_controls()

    def _show(self, news: Update) -> None:
        self._news = news
        self._board.stage.dim(stale=False)
        if self._going is None or news.place.step >= self._going.step:
            self._stand(news)
        self._board.toolbar.set({"progress": self._waiting.told(news.progress)})
        self._inform()
        self._draw()
        if time.monotonic() - self._linked_at > LINKED:  # a reload finds the run where it is
            self._linked_at = time.monotonic()
            self._show_link(at_rest=False)
        picture = news.picture
        if picture is not None and picture.status == "diverged":
            self._board.toolbar.message(
                f"The run diverged at step {picture.readings.step}: the loss is no longer a finite "
                "number. Its path is kept. Lower the learning rate, then press Play or Reset.",
                alert=True,
            )

    def _stand(self, news: Update) -> None:
        """Take over from the worker where the run stands; what it does not know stays."""
        kept = self._place.kept
        if len(news.kept) > len(kept):
            kept = tuple(one.place for one in news.kept)
        told = replace(news.place, preset=self._place.preset, kept=kept)
        wanted = self.scene
        self._place = told if told.scene == wanted else told.wanting(wanted)
        self._good, self._going = self._place, None

    def _done(self) -> None:
        self._playing = False
        self._board.stage.dim(stale=False)
        if self._going is not None and self._news is not None:  # the run ended on the way
            self._stand(self._news)
        self._board.form.set_busy(False)
        self._board.toolbar.set({"playing": False, "progress": None})
        self._draw()
        self._show_controls(at_rest=True)
        self._busy = False
        afterwards, self._afterwards = self._afterwards, None
        if afterwards is not None:
            afterwards()

    def _fail(self, error: Exception) -> None:
        """Say what is wrong at the control that it concerns, and keep what was in force."""
        self._board.stage.dim(stale=False)
        self._playing = self._busy = False
        self._going = None
        self._board.form.set_busy(False)
        self._board.toolbar.set({"progress": None})
        wanted, self._place = self.scene, self._good
        self._show_controls()
        path = None
        if isinstance(error, LandscapeError):
            path = concerned(error, wanted, self.scene, self._board.form.paths)
        if self._news is None and wanted != self.scene:  # what a link names cannot be shown
            self._start(go=self._place)
            path = None
        if path is not None and isinstance(error, LandscapeError):
            self._board.form.set_error(path, worded(error))
            return
        self._board.toolbar.message(_told(error), alert=True)

    def _draw(self) -> None:
        if self._news is not None:
            display, number = self.scene.display, self._desk.sent()
            self._board.show(self._news, display, number, playing=self._playing)

    def _show_controls(self, *, at_rest: bool = False) -> None:
        self._board.show_controls(
            self._place, self._reference(), self._history, playing=self._playing
        )
        self._show_link(at_rest=at_rest or not self._busy)
        self._inform()

    def _show_link(self, *, at_rest: bool) -> None:
        """Bring the address in line with the place, at rest also with its picture's strategy."""
        picture = self.picture if at_rest else None
        self._board.show_link(self._place.shown_by(picture), self._tour)

    def _inform(self) -> None:
        for follower in self._followers:
            follower(self.scene, self._playing)


def _work_of(scene: Scene) -> Scene:
    """The scene as the worker needs it: how a picture is drawn makes no work.

    But for a tolerance, which is of the scale on which the loss is drawn.
    """
    shown = scene.display
    asked = Display(side_panel=shown.side_panel)
    if scene.view.tolerance:
        asked = asked.replace(height=shown.height)
    if shown.show == "compare":
        asked = asked.replace(show="compare", comparison=shown.comparison)
    return scene.replace(display=asked)


def _told(error: Exception) -> str:
    if isinstance(error, LandscapeError):
        return worded(error)
    return f"Something failed: {type(error).__name__}: {error}"

"""The run of a page: the place that is wanted, the jobs that lead there, and the latest update."""

import time
from collections.abc import Callable, Container
from dataclasses import replace
from typing import Any

from landscape_core.foundation.errors import LandscapeError
from landscape_core.models.weight_change import WeightChange
from landscape_core.session.picture import Picture
from landscape_lab.bridge.host import mode
from landscape_lab.bridge.hosted import has_visitors
from landscape_lab.page.comparison import missing
from landscape_lab.page.form_sections import concerned, message_of
from landscape_lab.page.layout import PageLayout
from landscape_lab.page.staleness import Staleness, staleness
from landscape_lab.state.history import History
from landscape_lab.state.place import Place
from landscape_lab.state.place_changes import reached, refusal
from landscape_lab.state.preset import presets
from landscape_lab.state.scene import Scene
from landscape_lab.worker.progress_text import ProgressText
from landscape_lab.worker.thread import LatestJobQueue
from landscape_lab.worker.update import Update
from landscape_lab.worker.worker import Job, Worker

LINK_PAUSE = 1.0
"""Seconds between two changes of the address while a run goes on."""

DIVERGED = (
    "The run diverged at step {step}: the loss is no longer a finite number. "
    "Its path is kept. Lower the learning rate, then press Play or Reset."
)


class PageRun:
    """Submits jobs to the worker, and keeps the layout in line with the place and the updates.

    `place` is the place that is wanted; `update` the latest of the worker; `point` the coordinates
    of the picture that are looked at, if any, `weights` those set by hand there; `tour` a tour that
    is open, and its step; `busy` says whether a job is under way, `started` whether a browser has
    shown the page, `host` who shows it. The `layout` is given by the page, once its components know
    what to call.
    """

    layout: PageLayout
    held: Container[str] = ()
    """The names of the tables that were uploaded to this page."""

    def __init__(
        self, first: Place, own: Scene | None, queue: LatestJobQueue, worker: Worker
    ) -> None:
        """No job yet.

        Args:
            first: the place that is shown before any other is wanted.
            own: the scene to which settings are restored, where there are no presets.
            queue: takes the jobs.
            worker: does them.
        """
        self.place = self._good = first
        self.history, self.queue, self.worker = History(), queue, worker
        self.update: Update | None = None
        self.playing = self.busy = self.started = False
        self.weights: tuple[WeightChange, ...] = ()
        self._point: tuple[float, float] | None = None
        self.tour: tuple[str, int] | None = None
        self.followers: list[Callable[[Scene, bool], None]] = []
        self.host = mode()
        self._own = own
        self._going: Place | None = None
        self._at_rest: Callable[[], None] | None = None
        self._linked_at = 0.0
        self._progress = ProgressText()

    @property
    def visited(self) -> bool:
        """Whether others than the user of the machine may be in front of the page."""
        return self.host == "server" or has_visitors()

    @property
    def scene(self) -> Scene:
        """The settings that are wanted."""
        return self.place.scene

    @property
    def picture(self) -> Picture | None:
        """The picture that is shown."""
        return self.update.picture if self.update else None

    @property
    def reference(self) -> Scene:
        """The scene to which settings are restored."""
        return self._own or presets()[self.place.preset].scene

    @property
    def point(self) -> tuple[float, float] | None:
        """The coordinates that are looked at; to set them drops the weights set by hand."""
        return self._point

    @point.setter
    def point(self, point: tuple[float, float] | None) -> None:
        self._point, self.weights = point, ()

    @property
    def travelling(self) -> bool:
        """Whether the run is on its way to a place."""
        return self._going is not None

    def go(self, there: Place, *, fresh: bool = False) -> None:
        """Go to another place and hold the run there; `fresh` even if the run is there already."""
        self.started = True
        self.place, self.playing, self.point = there, False, None
        self.layout.toolbar.message("")
        self.layout.show_preset(there)
        self.submit(go=there, fresh=fresh)

    def submit(self, **wanted: Any) -> None:
        """Submit a job for the present place; `wanted` are the fields of `Job` that say what for.

        Before a browser shows the page, only the controls are brought in line.
        """
        if not self.started:
            self.show_controls()
            return
        self.busy, self._at_rest = True, None
        wanted.setdefault("go", self._going)  # first there, if that is still under way
        self._going = wanted["go"]
        layout = self.layout
        layout.form.set_busy(True)
        self._progress.begin()
        layout.canvas.hurry()
        if layout.toolbar.alerting and (any(wanted.values()) or self.playing or self.weights):
            layout.toolbar.message("")
        job = Job(
            scene=self.scene, kept=self.place.kept, playing=self.playing, point=self.point,
            weights=self.weights, **wanted,
        )  # fmt: skip
        self.show_controls()  # before the worker takes its share of the processor
        self.queue.submit(lambda: self.worker.do(job), self._show, self._fail, self._done)

    def glance(self, point: tuple[float, float] | None) -> None:
        """Show the network at a point in the side panel of a paused run; None: the run's again."""
        if self.playing or self.busy or self.picture is None or self.layout.shows_labs:
            return
        self.queue.cancel()
        if point is None:
            self.layout.canvas.glance(self.picture, self.scene.display)
        elif self.scene.display.show != "compare":
            self.queue.glance(lambda: self.worker.glance(*point), self._show_glance)

    def _show_glance(self, found: Picture) -> None:
        if self.picture is not None and found.point is not None and not self.busy:
            point = replace(found.point, passing=True)
            there = replace(
                self.picture, point=point, boundary=found.boundary, network=found.network
            )
            self.layout.canvas.glance(there, self.scene.display)

    def cancel(self) -> None:
        """Stop the present job, and keep what there is."""
        self.queue.cancel()
        self._done()

    def rest(self) -> None:
        """As `cancel`, and end the thread until there is another job."""
        self.queue.rest()
        self._done()

    def when_at_rest(self, action: Callable[[], None]) -> None:
        """Call this once the present job is done, unless another is submitted before."""
        self._at_rest = action

    def accepts(self, there: Place, path: str = "") -> bool:
        """Whether a page could open the link of a place; if not, say why, at a control if any.

        Such a place is not gone to: reloading the page would lose it.
        """
        reason = refusal(there)
        if reason and path:
            self.show_controls()
            self.layout.form.set_error(path, reason)
        elif reason:
            self.layout.toolbar.message(reason, alert=True)
        return not reason

    def draw(self) -> None:
        """Draw the latest update with the present display settings."""
        if self.update is not None:
            number = self.queue.sent()
            self.layout.show(self.update, self.scene.display, number, playing=self.playing)

    def show_controls(self, *, at_rest: bool = False) -> None:
        """Bring form, toolbar and address in line with the place."""
        self.layout.show_controls(
            self.place, self.reference, self.history, self.picture, playing=self.playing
        )
        at_rest = at_rest or not self.busy
        self._show_link(at_rest=at_rest)
        self._mark(computing=not at_rest)
        self._inform()

    def _show(self, update: Update) -> None:
        self.update = update
        if self._going is None or update.place.step >= self._going.step:
            self._take_over(update)
        self.layout.toolbar.set({"progress": self._progress.values(update.progress)})
        self._inform()
        fresh = self._staleness(computing=self.busy)
        if not fresh.words:
            self.layout.canvas.catch_up()
        self.draw()
        self.layout.canvas.mark(fresh)  # only now: drawing may take long, and what is old is pale
        if time.monotonic() - self._linked_at > LINK_PAUSE:  # a reload finds the run where it is
            self._linked_at = time.monotonic()
            self._show_link(at_rest=False)
        picture = update.picture
        if picture is not None and picture.status == "diverged":
            words = DIVERGED.format(step=picture.readings.step)
            self.layout.toolbar.message(words, alert=True)

    def _take_over(self, update: Update) -> None:
        """Take over from the worker where the run is."""
        kept = tuple(one.place for one in update.kept)
        self.place = self._good = reached(self.place, update.place, kept)
        self._going = None

    def _done(self) -> None:
        self.playing = False
        if self._going is not None and self.update is not None:  # the run ended on the way
            self._take_over(self.update)
        self.layout.form.set_busy(False)
        self.layout.toolbar.set({"playing": False, "progress": None})
        self._mark(computing=False)
        self.draw()
        self.show_controls(at_rest=True)
        self.busy = False  # only now: who waits for it finds everything in its place
        action, self._at_rest = self._at_rest, None
        if action is not None:
            action()

    def _fail(self, error: Exception) -> None:
        """Show an error at the control that it concerns, and go back to what was in force."""
        layout = self.layout
        self.playing = self.busy = False
        self._going = None
        shown = self.picture.point if self.picture else None
        self.weights = shown.changes if shown else ()
        layout.form.set_busy(False)
        layout.toolbar.set({"progress": None})
        wanted, self.place = self.scene, self._good
        self.show_controls()
        path = None
        if isinstance(error, LandscapeError):
            path = concerned(error, wanted, self.scene, layout.form.paths)
        if self.update is None and wanted != self.scene:  # what a link names cannot be shown
            self.submit(go=self.place)
            path = None
        if path is not None:
            layout.form.set_error(path, message_of(error))
        else:
            layout.toolbar.message(message_of(error), alert=True)

    def _show_link(self, *, at_rest: bool) -> None:
        """Bring the address in line with the place, at rest also with its picture's strategy."""
        picture = self.picture if at_rest else None
        self.layout.show_link(self.place.shown_by(picture), self.tour, self.history.entry)

    def _mark(self, *, computing: bool) -> None:
        """Mark the pictures that do not obey the settings that are wanted."""
        self.layout.canvas.mark(self._staleness(computing=computing))

    def _staleness(self, *, computing: bool) -> Staleness:
        update = self.update
        if update is None:
            return Staleness()
        at_work = computing and not self.playing  # runs are compared when they are paused
        lacking = missing(update, self.place) if at_work else ""
        return staleness(update.place, self.place, computing=computing, missing=lacking)

    def _inform(self) -> None:
        for follower in self.followers:
            follower(self.scene, self.playing)

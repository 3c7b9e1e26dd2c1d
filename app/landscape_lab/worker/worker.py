"""The work of a page: bring the run to the place that is wanted, and report pictures of it.

The page asks for a scene, or for a place; only the worker knows where the run is and at which step
a setting was changed, and reports that with every picture.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

from landscape_core.foundation.errors import LandscapeError, SpecError
from landscape_core.foundation.one_thread import ONE_THREAD
from landscape_core.foundation.recipes import name_of
from landscape_core.models.weight_change import WeightChange
from landscape_core.session.frames import SharedFrames
from landscape_core.session.picture import Picture
from landscape_core.session.session import Session
from landscape_core.storage.store import Store
from landscape_core.training.run_cost import Trained, is_light
from landscape_lab.exports.base import Compared, Making, Shown, kinds
from landscape_lab.figures.matplotlib.figure_style import USUAL, FigureStyle
from landscape_lab.panels.base import SidePanel
from landscape_lab.state.navigator import Frame, Navigator
from landscape_lab.state.place import Place
from landscape_lab.state.scene import Scene
from landscape_lab.state.scene_cost import check_place
from landscape_lab.worker.kept_runs import KeptRuns, metrics
from landscape_lab.worker.studies import study
from landscape_lab.worker.turns import TURNS
from landscape_lab.worker.update import (
    COMPARING,
    REFINING,
    STUDYING,
    TRAINING,
    Kept,
    Update,
    WorkProgress,
)

LIGHT = 2e8
"""Floating-point operations, some milliseconds, up to which one thread computes a step."""

SELDOM = 0.1
"""Seconds between two boundaries of a run that goes on."""

FRAMES = SharedFrames()
"""Pictures of the runs that play in this process: a class watches the same one."""


@dataclass(frozen=True)
class Job:
    """What the page wants: a scene for the present run, or a place to go to; and then what.

    `go` is a place to go to, `fresh` even if the run is there already. Then `more` steps are made,
    or a recorded step is looked at (`seek`), or the network at a `point` of the picture, or the one
    with `weights` set by hand; the run is `playing` or held; `keep` keeps the paused run for
    comparison. `kept` are the places of the runs that are kept already.
    """

    scene: Scene
    kept: tuple[Place, ...] = ()
    go: Place | None = None
    fresh: bool = False
    more: int = 0
    seek: int | None = None
    point: tuple[float, float] | None = None
    weights: tuple[WeightChange, ...] = ()
    keep: bool = False
    playing: bool = False


class Worker:
    """Holds the run of a page; to be called on the worker's thread only."""

    def __init__(self, store: Store | None) -> None:
        """No run yet; `store` keeps slices."""
        self.store = store
        self._navigator: Navigator | None = None
        self._kept_runs = KeptRuns(store)

    def do(self, job: Job) -> Iterator[Update]:
        """Do what the page wants, with pictures on the way.

        Raises:
            SpecError: parts that do not fit together, or take too much; the run before is still
                there.
            MissingDataError: a data file is not there.
        """
        check_place(replace(job.go or Place("", job.scene, 0), kept=job.kept))
        with _threads_for(job.scene.run):
            yield from self._done(job)

    def _done(self, job: Job) -> Iterator[Update]:
        yield from self._arrive(job)
        navigator, kept = self._navigator, self._kept_runs.known(job.kept)
        assert navigator is not None  # a job has arrived somewhere, or has failed
        watched(navigator.session, job.scene.display.side_panel)
        first = navigator.frame_of(job.more, job.seek)
        if not job.weights:  # else it would be seen for a moment without them
            yield _update(first, kept)
        if job.playing:
            for frame in navigator.play(job.scene.display.speed, _pause):
                yield _update(frame, kept)
        yield from self._hold(navigator, job, kept)

    def glance(self, alpha: float, beta: float) -> Iterator[Picture]:
        """The picture of the network at a point of the paused run's, if that takes a moment."""
        navigator = self._navigator
        found = navigator.session.glance(alpha, beta) if navigator else None
        if found is not None:
            yield found

    def export(
        self,
        name: str,
        place: Place,
        picture: Picture,
        compared: Compared = (),
        style: FigureStyle = USUAL,
    ) -> Iterator[Making]:
        """Make a file of what is shown, with the runs that are compared, in a style.

        Raises:
            LandscapeError: nothing is shown yet.
        """
        if self._navigator is None:
            raise LandscapeError("There is nothing to export yet.")
        shown = Shown(place, picture, self._navigator.session, compared, style)
        with _threads_for(place.scene.run):  # it may compute pictures, as the page does
            yield from kinds()[name]().made(shown)

    def _arrive(self, job: Job) -> Iterator[Update]:
        """Go to the place of a job, or take on its settings."""
        navigator = self._navigator
        if job.go is not None:
            there = job.go.alone()
            if navigator and not job.fresh and navigator.reaches(there):
                kept = self._kept_runs.known(job.kept)
                for frame in navigator.go_on(there):
                    yield _update(frame, kept, _training(frame, there))
            else:
                yield from self._begin(there, job.kept)
        elif navigator is None:
            raise RuntimeError("a page goes to a place first")
        elif not navigator.change_settings(job.scene):
            yield from self._begin(navigator.here().wanting(job.scene), job.kept)

    def _begin(self, there: Place, places: tuple[Place, ...]) -> Iterator[Update]:
        """Train a new run up to a place; the old run stays until the new one is at its start."""
        navigator, kept = Navigator(there, self.store, frames=FRAMES), self._kept_runs.known(places)
        for frame in navigator.travel():
            if navigator.begun:
                self._navigator = navigator
                watched(navigator.session, there.scene.display.side_panel)
            yield _update(frame, kept, _training(frame, there))
        self._navigator = navigator

    def _hold(self, navigator: Navigator, job: Job, kept: tuple[Kept, ...]) -> Iterator[Update]:
        """Compute what is requested of a paused run: the exact picture, then the side panel."""
        session, panel, places = navigator.session, job.scene.display.side_panel, job.kept
        last = session.picture()
        alpha, beta = job.point or (None, None)
        if job.weights:  # at once: a hand waits for it
            yield _update(navigator.frame(session.inspect(alpha, beta, job.weights)), kept)
        for last in session.refine():
            if job.weights:
                continue
            computed = last.slice["computed"]
            progress = WorkProgress(REFINING, int(computed.sum()), computed.size)
            yield _update(navigator.frame(last), kept, progress)
        if job.keep:
            here = navigator.frame(last).place
            self._kept_runs.keep(here, last, session, job.scene)
            places = (*places, here)
            kept = self._kept_runs.known(places)
            yield _update(navigator.frame(last), kept)
        if job.point is not None or job.weights:
            last = session.inspect(alpha, beta, job.weights)
            yield _update(navigator.frame(last), kept)
        if job.scene.display.show == "compare" and places:
            yield from self._compare(navigator, last, places, job.scene)
            return
        found = study(job.scene, session.seen)
        for last in session.study(name_of(type(panel)), found):
            yield _update(navigator.frame(last), kept, WorkProgress(STUDYING))

    def _compare(
        self, navigator: Navigator, last: Picture, places: tuple[Place, ...], scene: Scene
    ) -> Iterator[Update]:
        """Train kept runs that are not known, then lay all paths on one plane if asked for."""
        frame, runs = navigator.frame(last), self._kept_runs
        for _ in runs.train_unknown(places, scene):
            yield _update(frame, runs.known(places), WorkProgress(COMPARING))
        update = replace(
            _update(frame, runs.known(places)),
            figures=metrics(last, scene),
            parameters=len(navigator.session.state.theta),
        )
        yield update
        if scene.display.comparison != "together":
            return
        more = None if frame.place in places else navigator.session.trajectory()
        try:
            for progress in runs.on_one_plane(places, more, scene):
                if progress is None:
                    yield replace(update, progress=WorkProgress(COMPARING))
                    continue
                done = WorkProgress(COMPARING, progress.done, progress.total)
                yield replace(update, progress=done, together=progress.dataset)
        except SpecError as error:
            yield replace(update, problem=f"Not on one plane: {error}")


def watched(session: Session, panel: SidePanel) -> None:
    """Let a session compute with every picture what a side panel draws of it."""
    session.watch(panel.watch)
    drawable = session.side_results.points is not None
    session.side_results.shows_network = panel.shows_network(drawable=drawable)


def _threads_for(run: Trained) -> contextlib.AbstractContextManager[None]:
    """One thread of PyTorch for a small network, in which several only wait for each other.

    In a notebook, where nobody else has limited them, they would take the page's time besides.
    SciPy is not loaded for it: that would delay the first picture.
    """
    return ONE_THREAD.hold(whole=False) if is_light(run, LIGHT) else contextlib.nullcontext()


def _pause() -> float:
    """Seconds for which curves and boundary stay: the page draws them more seldom than the run."""
    return max(SELDOM, TURNS.pause())


def _training(frame: Frame, there: Place) -> WorkProgress:
    return WorkProgress(TRAINING, frame.place.step, there.step)


def _update(frame: Frame, kept: tuple[Kept, ...], progress: WorkProgress | None = None) -> Update:
    return Update(frame.picture, frame.place, progress, kept)

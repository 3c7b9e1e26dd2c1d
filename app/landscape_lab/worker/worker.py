"""What the worker of a page does: it goes where the page wants to be, and tells what it sees.

The page asks for a scene, or to go to a place; where the run really stands, and at which step a
setting was changed, only the worker knows, and says so with every picture.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import chain

import xarray as xr

from landscape_core.analysis.slice_metrics import slice_metrics
from landscape_core.experiments.progress import Progress
from landscape_core.experiments.slice_of_run import slice_of_trajectory
from landscape_core.foundation.errors import LandscapeError, SpecError
from landscape_core.foundation.recipes import name_of
from landscape_core.planes.directions.pca import PCA
from landscape_core.session.picture import Picture
from landscape_core.session.session import Session
from landscape_core.slices.slice_spec import SliceSpec
from landscape_core.storage.store import Store
from landscape_lab.exports.base import Beside, Making, Shown, kinds
from landscape_lab.state.navigator import Journey
from landscape_lab.state.place import Place
from landscape_lab.state.scene import Scene

TRAINING, REFINING, BESIDE = "Training", "Refining the picture", "Working out what stands beside it"
COMPARING = "Working out the comparison"


@dataclass(frozen=True)
class Job:
    """What the page wants: a scene where the run stands, or a place to go to; and then what.

    `go` is a place to go to, `fresh` even if the run stands there. Then `more` steps are made, or a
    recorded step is looked at (`seek`), or the network at a `point` of the picture; the run is
    `playing` or held; `keep` keeps the run that is held to compare others with.
    """

    scene: Scene
    kept: tuple[Place, ...] = ()
    go: Place | None = None
    fresh: bool = False
    more: int = 0
    seek: int | None = None
    point: tuple[float, float] | None = None
    keep: bool = False
    playing: bool = False


@dataclass(frozen=True)
class WorkProgress:
    """What is done, and how much is done of a total; the total is 0 where nobody knows it."""

    what: str
    done: int = 0
    total: int = 0


@dataclass(frozen=True, eq=False)
class Kept:
    """A run that is kept: its place, held picture and trajectory, and the metrics of its slice."""

    place: Place
    picture: Picture
    path: xr.Dataset
    figures: xr.Dataset


@dataclass(frozen=True, eq=False)
class Update:
    """What the worker tells: a picture, where it was taken, and how far the work is.

    `kept` are the runs that are kept as far as they are known, `together` all paths on one plane,
    `figures` the metrics of the slice, where they are compared; `parameters` are how many the
    network has; `problem` says why runs cannot be compared.
    """

    picture: Picture | None
    place: Place
    progress: WorkProgress | None = None
    kept: tuple[Kept, ...] = ()
    together: xr.Dataset | None = None
    figures: xr.Dataset | None = None
    parameters: int | None = None
    problem: str = ""


@dataclass(eq=False)
class Worker:
    """Holds the run; for the worker's thread alone."""

    store: Store | None
    _journey: Journey | None = None
    _kept: dict[Place, Kept] = field(default_factory=dict)

    def do(self, job: Job) -> Iterator[Update]:
        """Do what the page wants, telling pictures on the way.

        Raises:
            SpecError: parts that do not fit together; what was there before is still there.
            MissingDataError: a data file is not there.
        """
        yield from self._arrive(job)
        session = self._there().session
        session.watch(job.scene.display.side_panel.watch)
        session.advance(job.more)
        shown = session.picture() if job.seek is None else session.revisit(job.seek)
        yield self._news(shown, job.kept)
        if job.playing:
            for picture in chain(
                session.replay(session.seen), session.play(job.scene.display.speed)
            ):
                yield self._news(picture, job.kept)
        yield from self._hold(job)

    def _hold(self, job: Job) -> Iterator[Update]:
        """What is worked out where a run is held: the exact picture, and what is wanted of it."""
        session, kept, panel = self._there().session, job.kept, job.scene.display.side_panel
        last = session.picture()
        for last in session.refine():
            computed = last.slice["computed"]
            yield self._news(last, kept, WorkProgress(REFINING, int(computed.sum()), computed.size))
        if job.keep:
            here = self._keep(self._here(last), last, session, job.scene)
            kept = (*kept, here)
            yield self._news(last, kept)
        if job.point is not None:
            last = session.inspect(*job.point)
            yield self._news(last, kept)
        if job.scene.display.show == "compare" and kept:
            yield from self._compare(last, kept, job.scene)
            return
        for last in session.study(name_of(type(panel)), panel.study):
            yield self._news(last, kept, WorkProgress(BESIDE))

    def export(
        self, name: str, place: Place, picture: Picture, beside: Beside = ()
    ) -> Iterator[Making]:
        """Make a file of what is shown, with the runs that are compared beside each other.

        Raises:
            LandscapeError: nothing is shown yet.
        """
        if self._journey is None:
            raise LandscapeError("Nothing is shown yet that could be exported.")
        shown = Shown(place, picture, self._journey.session, beside)
        yield from kinds()[name]().made(shown)

    def _arrive(self, job: Job) -> Iterator[Update]:
        journey = self._journey
        if job.go is not None:
            there = job.go.alone()
            if journey and not job.fresh and self._reaches(journey, there):
                yield from self._told(journey.go_on(there), there.step, job.kept)
            else:
                yield from self._set_out(there, job.kept)
        elif journey is None:
            raise RuntimeError("a page goes to a place first")
        elif not journey.want(job.scene):
            yield from self._set_out(journey.here().wanting(job.scene), job.kept)

    def _set_out(self, there: Place, kept: tuple[Place, ...]) -> Iterator[Update]:
        """Travel to a place; what was there before stays until the new run stands at its start."""
        journey = Journey(there, self.store)
        for picture in journey.travel():
            if journey.begun:
                self._journey = journey
            told = WorkProgress(TRAINING, journey.here().step, there.step)
            yield Update(picture, journey.here(), told, self._known(kept))
        self._journey = journey

    def _reaches(self, journey: Journey, there: Place) -> bool:
        return there.follows(journey.here()) and there.step >= journey.session.step

    def _told(
        self, pictures: Iterator[Picture], end: int, kept: tuple[Place, ...]
    ) -> Iterator[Update]:
        for picture in pictures:
            yield self._news(picture, kept, WorkProgress(TRAINING, picture.readings.step, end))

    def _compare(self, last: Picture, kept: tuple[Place, ...], scene: Scene) -> Iterator[Update]:
        """Train again what is kept and not known, then lay all paths on one plane if asked for."""
        for place in kept:
            if place not in self._kept:
                journey = Journey(place, self.store)
                for _ in journey.pictures():
                    yield self._news(last, kept, WorkProgress(COMPARING))
                self._keep(place, journey.session.picture(), journey.session, scene)
        news = replace(
            self._news(last, kept),
            figures=_figures(last, scene),
            parameters=self._there().session.parameters,
        )
        yield news
        if scene.display.comparison == "together":
            try:
                for progress in self._together(last, kept, scene):
                    told = WorkProgress(COMPARING, progress.done, progress.total)
                    yield replace(news, progress=told, together=progress.dataset)
            except SpecError as error:
                yield replace(news, problem=f"Not on one plane: {error}")

    def _together(self, last: Picture, kept: tuple[Place, ...], scene: Scene) -> Iterator[Progress]:
        """All paths on the plane of their principal components, the first one's loss on it."""
        first, *others = (one.path for one in self._known(kept))
        if self._here(last) not in kept:
            others.append(self._there().session.trajectory())
        moves = scene.view.batch_norm == "interpolated"  # which this plane does not allow
        asked = SliceSpec(
            directions=PCA(),
            resolution=scene.view.resolution,
            max_examples=scene.view.max_examples,
            batch_norm="usual" if moves else scene.view.batch_norm,
        )
        return slice_of_trajectory(first, asked, self.store, others=others)

    def _keep(self, here: Place, picture: Picture, session: Session, scene: Scene) -> Place:
        found = _figures(picture, scene)
        self._kept[here] = Kept(here, picture, session.trajectory(), found)
        return here

    def _here(self, picture: Picture) -> Place:
        journey = self._there()
        back = picture.seen if journey.session.looks_back else None
        return replace(journey.here(), seen=back)

    def _there(self) -> Journey:
        assert self._journey is not None
        return self._journey

    def _known(self, kept: tuple[Place, ...]) -> tuple[Kept, ...]:
        return tuple(self._kept[place] for place in kept if place in self._kept)

    def _news(
        self, picture: Picture, kept: tuple[Place, ...], progress: WorkProgress | None = None
    ) -> Update:
        return Update(picture, self._here(picture), progress, self._known(kept))


def _figures(picture: Picture, scene: Scene) -> xr.Dataset:
    """The shape of a picture's slice in numbers, on the scale that is shown where it has one."""
    positive = not bool((picture.slice["loss"] <= 0).any())
    scale = scene.display.height if positive else "linear"
    return slice_metrics(picture.slice, picture.view.split, scale)

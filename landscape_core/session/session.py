"""A run that is trained step by step and shown as pictures of its loss landscape.

`Session` is meant for one thread. Everything that it returns is an immutable `Picture`.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import xarray as xr

from landscape_core.curvature.monitor import Watch, Watcher
from landscape_core.foundation.public_call import public_call
from landscape_core.models.weight_change import WeightChange
from landscape_core.planes.plane import Plane
from landscape_core.planes.projected_path import ProjectedPath
from landscape_core.session.composition import composed
from landscape_core.session.frames import SharedFrames
from landscape_core.session.inspection import InspectionPoint, inspection_point
from landscape_core.session.live_run import LiveRun
from landscape_core.session.live_slice import LiveSlice
from landscape_core.session.looked_at import LookedAt
from landscape_core.session.observed_run import ObservedRun
from landscape_core.session.picture import Picture, Status
from landscape_core.session.side_results import SideResults, image_shape
from landscape_core.slices.slice_spec import SliceSpec
from landscape_core.slices.strategies.base import Strategy
from landscape_core.storage.store import Store
from landscape_core.training.run import Run, State

ON_THE_WAY = 12
"""Pictures on the way to a step."""


class Session:
    """A run that goes on, `live_run`, and pictures of the slice around it, `live_slice`.

    The same run, changed at the same steps, leaves the same record and the same held picture
    however it was shown on the way; with the same strategy and number of threads, to the bit.
    """

    def __init__(
        self,
        run: Run,
        spec: SliceSpec | None = None,
        store: Store | None = None,
        start: State | None = None,
        strategy: Strategy | None = None,
        frames: SharedFrames | None = None,
    ) -> None:
        """Build the problem and set the run to its start.

        Args:
            run: what is trained.
            spec: which slice is shown; by default as on the command line.
            store: where complete slices are cached.
            start: another start than the problem's own, of which only the weights and the
                running statistics count.
            strategy: how slices are evaluated, or the loop, with a warning, if it cannot evaluate
                the network; by default the fastest in a short trial.
            frames: pictures of a running training that sessions share; by default none are.

        Raises:
            SpecError: parts that do not fit, no such examples, or a start of another network;
                before any work.
            MissingDataError: a data file is not there.
        """
        self.live_run = LiveRun(run, start)
        instance = self.live_run.training.instance
        self.live_slice = LiveSlice(spec or SliceSpec(), instance, store, strategy)
        self.side_results = SideResults(instance, image_shape(run))
        self._store = store
        self._frames = frames if start is None else None
        self._latest: Picture | None = None
        self._pause = 0.0

    @property
    def run(self) -> Run:
        """The run as it is now."""
        return self.live_run.run

    @property
    def history(self) -> list[tuple[int, Run]]:
        """The run and its later settings, with the steps from which they hold."""
        return self.live_run.history

    @property
    def state(self) -> State:
        """The latest state of the run."""
        return self.live_run.state

    @property
    def plane(self) -> Plane | None:
        """The plane of the latest picture, with its origin at (0, 0); None before the first."""
        projected = self.live_slice.projected
        return projected.plane if projected else None

    @property
    def spec(self) -> SliceSpec:
        """Which slice is shown."""
        return self.live_slice.spec

    @property
    def status(self) -> Status:
        """The status of the run while no step is made."""
        return self.live_run.status

    @property
    def step(self) -> int:
        """Steps made so far."""
        return self.live_run.state.index

    @property
    def recorded(self) -> list[int]:
        """The steps that are recorded."""
        return self.live_run.recorded

    @property
    def looks_back(self) -> bool:
        """Whether an earlier step is inspected than the latest."""
        return self.live_run.inspected is not None

    @property
    def seen(self) -> int:
        """The recorded step that is inspected."""
        return self.live_run.observed().state.index

    def check(self, run: Run, spec: SliceSpec) -> None:
        """Raise `SpecError` if this session cannot take on a run's settings or a slice."""
        self.live_run.training.check(run)
        self.live_slice.check(spec)

    def continue_with(self, run: Run) -> None:
        """Continue with another optimizer setting, batch size or end, as `LiveRun` does."""
        self.live_run.continue_with(run)

    def change_slice(self, spec: SliceSpec) -> None:
        """Show another slice from now on, as `LiveSlice.change` does."""
        self.live_slice.change(spec)

    def watch(self, asked: Watch | None) -> None:
        """Measure the curvature along the run from now on, or no more."""
        watcher = self.side_results.watcher
        if asked is None or watcher is None or watcher.asked != asked:
            self.side_results.watcher = Watcher(asked, self.live_run.seconds) if asked else None

    @public_call
    def advance(self, steps: int) -> None:
        """Make this number of steps, or fewer if the run ends, and inspect the latest iterate."""
        self.live_run.advance(steps)
        watcher = self.side_results.watcher
        if watcher is not None and watcher.due(self.live_run.seconds):
            state = self.live_run.state
            watcher.measure(self.live_run.observed().network(state), state.theta, state.index)

    def advance_to(self, step: int) -> None:
        """Train up to a step."""
        self.advance(step - self.step)

    @public_call
    def travel(self, step: int) -> Iterator[Picture]:
        """Train up to a step, with some pictures on the way."""
        while self.step < step and self.status in ("ready", "paused"):
            self.advance(min(step - self.step, max(1, step // ON_THE_WAY)))
            yield self.picture()
        self.settle()

    @public_call
    def play(
        self, steps: int, budget: float = 0.012, pause: Callable[[], float] = lambda: 0.0
    ) -> Iterator[Picture]:
        """Pictures of the running training, this number of steps apart, until it ends.

        Args:
            steps: steps between pictures.
            budget: seconds that the slice of one picture may take; sets how coarse it is.
            pause: seconds for which curves and boundary may stay as they are; asked each time.
        """
        while self.status in ("ready", "paused"):
            self.advance(steps)
            self.live_slice.look_ahead(self.live_run)
            self._pause = pause()
            status: Status = "running" if self.status == "paused" else self.status
            make = functools.partial(self.picture, budget, status)
            # What a watcher of curvature measures depends on the time: it is not shared.
            frames = None if self.side_results.watcher else self._frames
            shown = frames.shared(self.live_run, self.live_slice, make) if frames else make()
            self._latest = self.side_results.completed(shown, self.live_run, status)
            self._pause = 0.0
            yield self._latest

    @public_call
    def revisit(self, step: int, status: Status | None = None) -> Picture:
        """Inspect the recorded iterate that is nearest to a step, until the run goes on.

        A plane of the whole run stays as it is; one through the latest iterate goes through that.
        """
        self.live_run.inspect(step)
        return self.picture(status=status)

    @public_call
    def replay(self, step: int) -> Iterator[Picture]:
        """Inspect all iterates that are recorded after a step, in order."""
        for after in self.recorded:
            if after > step:
                yield self.revisit(after, "running")

    @public_call
    def inspect(
        self, alpha: float | None, beta: float | None, changes: Sequence[WeightChange] = ()
    ) -> Picture:
        """The latest picture with the network that `state_at` gives: its boundary and measures."""
        there, latest = LookedAt.of(alpha, beta, changes), self._latest or self.picture()
        parts = self.live_run.observed(), self.live_slice, self.side_results
        self._latest = there.picture(latest, *parts)
        return self._latest

    @public_call
    def glance(self, alpha: float, beta: float) -> Picture | None:
        """As `inspect`, for a moment: the latest picture stays. None where it would take long."""
        there, latest = LookedAt.of(alpha, beta, ()), self._latest or self.picture()
        parts = self.live_run.observed(), self.live_slice, self.side_results
        return self.side_results.glance(lambda: there.picture(latest, *parts))

    @public_call
    def state_at(
        self, alpha: float | None, beta: float | None, changes: Sequence[WeightChange] = ()
    ) -> State:
        """The network at a point of the latest picture, for another session to start from.

        Without coordinates the inspected iterate; `changes` set weights to other values, and
        `SpecError` names one that there is not.
        """
        observed = self.live_run.observed()
        return LookedAt.of(alpha, beta, changes).state(observed, self.live_slice)

    @public_call
    def picture(self, budget: float = 0.012, status: Status | None = None) -> Picture:
        """A picture whose slice is as fine as the time allows, the rest interpolated."""
        observed = self.live_run.observed()
        projected = self.live_slice.project(observed)
        dataset = self.live_slice.within(observed, projected, budget)
        return self._shown(observed, projected, dataset, status)

    @public_call
    def span(self) -> None:
        """Compute the plane, which may be one that stays, without a loss on it."""
        self.live_slice.project(self.live_run.observed())

    def settle(self) -> None:
        """Compute a plane that follows the run as if there had been no pictures before."""
        self.live_slice.settle()

    @public_call
    def refine(self) -> Iterator[Picture]:
        """Pictures from coarse to the complete slice; that one at once, if it is stored.

        Exact at the end, or within the tolerance of the specification.
        """
        observed = self.live_run.observed()
        projected = self.live_slice.project(observed)
        known = self.live_slice.held(observed, projected)
        if known is not None:
            yield self._shown(observed, projected, known)
            return
        self.settle()
        projected = self.live_slice.project(observed)
        for dataset in self.live_slice.complete(observed, projected):
            yield self._shown(observed, projected, dataset)

    @public_call
    def study(
        self, name: str, found: Callable[[InspectionPoint], Iterator[xr.Dataset | None]]
    ) -> Iterator[Picture]:
        """The latest picture with the growing results of a study of the inspected iterate.

        There is none where the loss is not finite, or before the first picture; and where the
        study has nothing new, the picture is as it was.

        Raises:
            SpecError: a problem without a network.
        """
        latest = self._latest
        if latest is None or self.live_run.shows_divergence:
            return
        observed = self.live_run.observed()
        path = self.trajectory(observed.state.index)
        for dataset in found(inspection_point(observed, self.live_slice, path, self._store)):
            if dataset is not None:
                latest = replace(latest, studies={name: dataset})
            yield latest

    def trajectory(self, until: int | None = None) -> xr.Dataset:
        """The trajectory of the run up to a step, as `record_run` yields it."""
        return self.live_run.trajectory(until)

    def _shown(
        self,
        observed: ObservedRun,
        projected: ProjectedPath,
        dataset: xr.Dataset,
        status: Status | None = None,
    ) -> Picture:
        """The picture of the inspected iterate with this slice."""
        kept = self._latest if self.side_results.keeps(self._pause) else None
        looked = status or ("paused" if self.looks_back else self.status)
        parts = (self.live_run, self.live_slice, self.side_results)
        self._latest = composed(observed, projected, dataset, parts, status=looked, kept=kept)
        return self._latest

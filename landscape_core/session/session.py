"""A run being watched: train a little, look at the landscape, again and again.

`Session` is the one mutable thing of the engine: it holds the latest state and the record of a run,
and is meant for one thread. Everything that it gives out is an immutable `Picture`.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import numpy as np
import torch
import xarray as xr

from landscape_core.analysis.decision_boundary import boundary, drawable, scattered
from landscape_core.curvature.monitor import Watch, Watcher
from landscape_core.experiments.learning_curves import applicable, curves, measured
from landscape_core.experiments.trajectory import trajectory
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.recipes import canonical, to_plain
from landscape_core.foundation.types import Vector, Vectors
from landscape_core.models.loss_function import loss_values
from landscape_core.models.measures.base import Answers
from landscape_core.models.network_objective import ModelObjective
from landscape_core.planes.directions.base import Viewpoint
from landscape_core.planes.extent import framed
from landscape_core.planes.plane import Plane
from landscape_core.session.frame_budget import Pace
from landscape_core.session.inspection import InspectionPoint
from landscape_core.session.picture import Picture, Point, Readings, Seen, Status
from landscape_core.session.plane_tracker import Spanning
from landscape_core.session.view import View
from landscape_core.slices.grid import Grid
from landscape_core.slices.point_statistics import (
    ACCEPTED,
    at_coord,
    named_choice,
    with_statistics,
)
from landscape_core.slices.probe import Probe, probe
from landscape_core.slices.slice import compute_slice
from landscape_core.slices.strategies.base import Strategy
from landscape_core.slices.strategies.loop import Loop
from landscape_core.slices.subsampling import standard_error
from landscape_core.slices.sweep import coarse, levels
from landscape_core.slices.tolerance import Tolerance
from landscape_core.storage.store import Store
from landscape_core.training.recorder import Entry, Recorder
from landscape_core.training.run import Run, State, Training

ON_THE_WAY = 12
"""Pictures on the way to a step."""

ESCAPE = 100.0
"""An iterate so many times farther from the start than that is from zero has left all pictures."""


class Session:
    """A run under way and how it is looked at.

    The same run, changed at the same steps, leaves the same record and the same held picture
    however it was watched on the way; with the same strategy and number of threads, to the bit.
    """

    def __init__(
        self,
        run: Run,
        view: View,
        store: Store | None = None,
        start: State | None = None,
        strategy: Strategy | None = None,
    ) -> None:
        """Build the problem and stand at its start.

        Args:
            run: what is trained.
            view: which slice is looked at.
            store: where held pictures are kept.
            start: another beginning than the problem's own, of which only the weights and the
                running statistics count.
            strategy: how slices are evaluated, if it can evaluate the network, and the loop if it
                cannot, with a warning; by default the fastest in a short trial.

        Raises:
            SpecError: parts that do not fit, no such examples, or a start of another network;
                before any work.
            MissingDataError: a data file is not there.
        """
        self.run, self.view = run, view
        self.history: list[tuple[int, Run]] = [(0, run)]
        self._store, self._strategy = store, strategy
        self._training = Training(run)
        self._check(view)
        self._state = self._training.start(start)
        self._recorder = Recorder(run, len(self._state.theta))
        self._seconds = 0.0
        self._spanning = Spanning(self._viewpoint)
        self._spanned: Plane | None = None
        self._notice = ""
        self._pace: Pace | None = None
        self._strategies: dict[int, Strategy] = {}
        self._watcher: Watcher | None = None
        self._back: Entry | None = None
        self._seen: Seen | None = None
        self._held: tuple[Plane | None, Grid, Entry, xr.Dataset] | None = None
        self._latest: Picture | None = None
        data = self._training.instance.data
        self._points = scattered(data) if data is not None and drawable(data) else None
        began = self._state
        for index, made in enumerate(self._training.instance.path if start is None else ()):
            self._state = replace(began, index=index, theta=made.theta, buffers=made.buffers)
            self._record()
        self._state = began
        self._record()

    @property
    def status(self) -> Status:
        """Where the run stands when nobody is pulling."""
        if self._state.diverged:
            return "diverged"
        if self._state.index >= self.run.steps:
            return "finished"
        return "paused" if self._state.index else "ready"

    @property
    def step(self) -> int:
        """Steps made so far."""
        return self._state.index

    @property
    def parameters(self) -> int:
        """How many parameters there are."""
        return len(self._state.theta)

    @property
    def recorded(self) -> list[int]:
        """The steps that can be looked at again."""
        return [entry.state.index for entry in self._recorder.entries()]

    @property
    def looks_back(self) -> bool:
        """Whether an earlier step is looked at than where the run stands."""
        return self._back is not None

    @property
    def seen(self) -> int:
        """The recorded step that is looked at."""
        return self._entry().state.index

    def check(self, run: Run, view: View) -> None:
        """Raise `SpecError` if this session cannot take on a run's settings or a view."""
        self._training.check(run)
        self._check(view)

    def continue_with(self, run: Run) -> None:
        """Go on under another optimizer setting, batch size or end, from the same state.

        Raises:
            SpecError: a batch larger than the data; the run is then unchanged.
        """
        self._training.check(run)
        if run != self.run:
            self.history.append((self.step, run))
        self.run = run

    def look_through(self, view: View) -> None:
        """Show another slice from now on.

        Raises:
            SpecError: the loss on test examples, where a problem has none.
        """
        self._check(view)
        if view.directions != self.view.directions or view.follow != self.view.follow:
            self._spanning.forget()
        if view != self.view:
            self._pace, self._strategies, self._held = None, {}, None
        self.view = view

    def watch(self, asked: Watch | None) -> None:
        """Follow the curvature along the run from now on, or no more."""
        if asked is None or self._watcher is None or self._watcher.asked != asked:
            self._watcher = Watcher(asked, self._seconds) if asked else None

    @public_call
    def advance(self, steps: int) -> None:
        """Make so many steps, or fewer if the run ends, and look at where it then stands."""
        self._back = self._back if steps == 0 else None
        for _ in range(steps):
            if self.status in ("diverged", "finished"):
                break
            began = time.perf_counter()
            self._state = self._training.advance(self._state, self.run)
            self._seconds += time.perf_counter() - began
            if self._recorder.stays(self._state.index):
                self._record()
        if self._recorder.entries()[-1].state.index != self._state.index:
            self._record()
        if self._watcher is not None and self._watcher.due(self._seconds):
            self._watcher.measure(self._network(self._state), self._state.theta, self._state.index)

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
    def settle(self) -> None:
        """Look as if nothing had been looked at before: a plane that follows is found anew.

        Without it, the order and signs of the axes depend on which pictures there were on the way.
        """
        if self.view.follow:
            self._spanning.forget()

    @public_call
    def play(self, steps: int, budget: float = 0.012) -> Iterator[Picture]:
        """Pictures of the running training, so many steps apart, until it ends.

        Args:
            steps: steps between pictures.
            budget: seconds that the slice of one picture may take; sets how coarse it is.
        """
        while self.status in ("ready", "paused"):
            self.advance(steps)
            yield self.picture(budget, "running" if self.status == "paused" else self.status)

    @public_call
    def revisit(self, step: int, status: Status | None = None) -> Picture:
        """Look at the recorded iterate that is nearest to a step, until the run goes on.

        A plane of the whole run stays as it is; one through the present point goes through that.
        """
        entries = self._recorder.entries()
        nearest = min(entries, key=lambda entry: abs(entry.state.index - step))
        self._back = None if nearest is entries[-1] else nearest
        return self.picture(status=status)

    @public_call
    def replay(self, step: int) -> Iterator[Picture]:
        """Look at all that was recorded after a step, in order."""
        for after in self.recorded:
            if after > step:
                yield self.revisit(after, "running")

    @public_call
    def inspect(self, alpha: float, beta: float) -> Picture:
        """The latest picture with the network at a place of it: what it says, its measures."""
        latest = self._latest or self.picture()
        state = self.state_at(alpha, beta)
        values = measured(self._training.instance, state)
        over_inputs = self._boundary(state)
        self._latest = replace(
            latest, point=Point(alpha, beta, values), boundary=over_inputs or latest.boundary
        )
        return self._latest

    @public_call
    def state_at(self, alpha: float, beta: float) -> State:
        """The network at a place of the latest picture, for another session to start from."""
        seen = self._seen or self._look()
        where = torch.tensor([[alpha, beta]], dtype=torch.float64)
        theta = seen.plane.points(where.to(seen.plane.origin.device))[0]
        buffers = self._entry().state.buffers
        train = self._training.instance.train
        if isinstance(train, ModelObjective):
            part = self._chosen(train.with_buffers(buffers), seen.plane)
            buffers = at_coord(part, seen.plane, where[0]).buffers
        return State(0, 0, theta, None, dict(buffers))

    @public_call
    def picture(self, budget: float = 0.012, status: Status | None = None) -> Picture:
        """The present look, its slice as fine as the time allows, the rest interpolated."""
        seen = self._look()
        grid = seen.grid(self.view.resolution)
        known = self._known(grid)
        if known is not None:
            return self._picture(seen, known, status)
        if self._pace is None:
            objective = getattr(self._training.instance, self.view.split)
            most = min(self.view.max_examples, objective.examples)
            self._pace = Pace(most, len(levels(grid)))
        rung = self._pace.rung(budget)
        examples, level = self._pace[rung]
        read = self._probe(seen, examples)
        began = time.perf_counter()
        dataset = coarse(read, grid, level)
        self._pace.took(rung, time.perf_counter() - began)
        return self._picture(seen, dataset, status)

    @public_call
    def span(self) -> None:
        """Span the plane of the present look, which may be one that stays, without a loss on it."""
        self._look()

    @public_call
    def refine(self) -> Iterator[Picture]:
        """The present look from coarse to fine; from the store at once, if it is there.

        Exact at the end, or within the tolerance of the view.
        """
        known = self._known((seen := self._look()).grid(self.view.resolution))
        if known is not None:
            yield self._picture(seen, known)
            return
        self.settle()
        seen = self._look()
        read, grid = self._probe(seen, self.view.max_examples), seen.grid(self.view.resolution)
        error, scale = self.view.tolerance, self.view.scale
        tolerance = Tolerance(relative_tolerance=error, scale=scale) if error else None
        dataset = None
        run = canonical(to_plain(self._ending(self._entry().state.index)))
        asked = compute_slice(read, grid, {"run": run}, tolerance=tolerance, store=self._store)
        for dataset in asked:
            yield self._picture(seen, dataset)
        if dataset is not None:
            self._held = (self._spanned, grid, self._entry(), dataset)

    @public_call
    def study(
        self, name: str, found: Callable[[InspectionPoint], Iterator[xr.Dataset | None]]
    ) -> Iterator[Picture]:
        """The latest picture with what a study finds of the present point, growing.

        Where the loss is not finite, or before the first picture, there is none; and where the
        study has nothing new, the picture is as it was.

        Raises:
            SpecError: a problem without a network.
        """
        latest = self._latest
        if latest is None or (self._state.diverged and self._back is None):
            return
        for dataset in found(self._standpoint()):
            if dataset is not None:
                latest = replace(latest, studies={name: dataset})
            yield latest

    def trajectory(self, until: int | None = None) -> xr.Dataset:
        """The trajectory of the run up to a step, as `record_run` yields it."""
        last = self.step if until is None else until
        entries = [e for e in self._recorder.entries() if e.state.index <= last]
        lost = self._state.diverged and until is None
        return trajectory(self._ending(last), entries, self._training.files, diverged=lost)

    def _ending(self, step: int) -> Run:
        """The run as it is now, to end at a step."""
        return self.run.replace(steps=max(1, step))

    def _known(self, grid: Grid) -> xr.Dataset | None:
        """The slice as it was last refined, if it is the one that is asked for.

        Iterates on one plane share it, unless their running statistics differ.
        """
        if self._held is None:
            return None
        plane, points, entry, dataset = self._held
        same = entry is self._entry() or not entry.state.buffers
        return dataset if plane is self._spanned and points == grid and same else None

    def _check(self, view: View) -> None:
        if view.split == "test" and self._training.instance.test is None:
            raise SpecError("View.split", "test", "train, as the problem has no test examples")
        if view.batch_norm == "interpolated" and not view.directions.through_states:
            raise SpecError("View.batch_norm", view.batch_norm, ACCEPTED)

    def _entry(self) -> Entry:
        """What is looked at."""
        return self._back or self._recorder.entries()[-1]

    def _standpoint(self) -> InspectionPoint:
        state = self._entry().state
        train = self._network(state)
        names = [block.name for block in train.layout.blocks]
        parts = {"train": train.moving(names, state.theta)}
        test = self._training.instance.test
        if isinstance(test, ModelObjective):
            test = test.with_buffers(state.buffers).with_reference(train.inputs)
            parts["test"] = test.moving(names, state.theta)
        seen = self._look()
        run = self._ending(state.index)
        grid = seen.grid(self.view.resolution)
        path = self.trajectory(state.index)
        plane = seen.plane
        if self._chosen(train, plane).batch_norm != "interpolated":
            plane = replace(plane, buffers=None)
        return InspectionPoint(run, state.index, parts, path, plane, grid, self._store)

    def _network(self, state: State) -> ModelObjective:
        """The training objective with a state's statistics."""
        train = self._training.instance.train
        if not isinstance(train, ModelObjective):
            raise SpecError("Run.problem", type(train).__name__, "a network")
        return train.with_buffers(state.buffers)

    def _record(self) -> None:
        if not self._state.diverged:
            self._recorder.add(self._state, **measured(self._training.instance, self._state))

    def _look(self) -> Seen:
        thetas = self._recorder.thetas()
        away = (thetas - thetas[0]).double().norm(dim=1)
        near = thetas[: _leaving(away, float(thetas[0].double().norm()))]
        self._spanned = plane = self._spanning.plane(self.view, near, self.step, self._until())
        self._notice = self._spanning.notice
        if len(near) < len(thetas):
            gone = self.recorded[len(near)]
            self._notice = f"The path leaves the picture before step {gone}, for very large weights"
        middle, half = np.zeros(plane.dimensions), np.ones(plane.dimensions)
        if plane.explained_variance_ratio is not None:
            plane = plane.at(plane.points(plane.coords(thetas[:1]))[0])
            frame = framed(plane.coords(near).numpy(force=True))
            middle, half = frame.middle, frame.half
        coords, distance = plane.coords(thetas), plane.distance(thetas)
        self._seen = Seen(
            plane,
            middle,
            half * self.view.span,
            coords.numpy(force=True),
            distance,
            distance / away.max().clamp(min=1e-300),
            plane.captured(near),
        )
        return self._seen

    def _chosen(self, part: ModelObjective, plane: Plane) -> ModelObjective:
        """A part with the statistics that the view asks for."""
        choice = named_choice(self.view.batch_norm)
        if choice == "interpolated" and plane.states == 1:  # another plane, for now
            choice = None
        return with_statistics({"": part}, plane, choice, "View.batch_norm")[""]

    def _probe(self, seen: Seen, examples: int) -> Probe:
        instance, state = self._training.instance, self._entry().state
        objective = getattr(instance, self.view.split)
        part = self._chosen(objective.with_buffers(state.buffers), seen.plane)
        # Statistics are estimated of the training examples.
        part = part.first(examples).with_reference(self._network(state).inputs)
        asked = {self.view.split: part}, seen.plane, applicable(instance)
        if part.batch_norm == "interpolated":  # which one strategy alone can read
            return probe(*asked, Loop())
        if part.examples not in self._strategies:
            found = probe(*asked, self._strategy, preferred=True)
            self._strategies[part.examples] = found.strategies[self.view.split]
        chosen = self._strategies[part.examples]
        return probe(*asked, chosen, tried=True, preferred=self._strategy is not None)

    def _until(self) -> int | None:
        """How many iterates are recorded up to the one looked at, if that is an earlier one."""
        if self._back is None:
            return None
        return sum(step <= self._back.state.index for step in self.recorded)

    def _viewpoint(self, path: Vectors) -> Viewpoint:
        state = self._recorder.entries()[len(path) - 1].state
        entries = self._recorder.entries()

        def buffers_of(index: int) -> Mapping[str, torch.Tensor]:
            return entries[index % len(path)].state.buffers

        train = self._network(state)
        return Viewpoint(train, path[-1], path, self.run.seed, buffers_of=buffers_of)

    def _boundary(self, state: State) -> xr.Dataset | None:
        """What the network says over its inputs, where that can be drawn."""
        data, train = self._training.instance.data, self._training.instance.train
        if self._points is None or data is None or not isinstance(train, ModelObjective):
            return None
        return boundary(train.with_buffers(state.buffers), state.theta, data)

    def _picture(self, seen: Seen, dataset: xr.Dataset, status: Status | None = None) -> Picture:
        recorded, entry = self._recorder.entries(), self._entry()
        steps = np.array([entry.state.index for entry in recorded])
        losses = np.array([entry.values.get("train_loss", math.nan) for entry in recorded])
        lost = self._state.diverged and self._back is None
        self._latest = Picture(
            run=self.run,
            view=self.view,
            status=status or ("paused" if self._back else self.status),
            readings=Readings(
                self.step if lost else entry.state.index,
                self._training.epoch(self._state if lost else entry.state),
                self._seconds,
                entry.values | ({"train_loss": math.nan} if lost else {}),
            ),
            slice=dataset,
            path=seen.path(steps, losses),
            curves=curves(recorded),
            boundary=self._boundary(entry.state),
            points=self._points,
            captured=seen.captured,
            notice=self._notice,
            standard_error=self._doubt(int(dataset.attrs["examples"][0]), entry.state.theta),
            curvature=self._watcher.dataset() if self._watcher else None,
            seen=entry.state.index,
        )
        return self._latest

    def _doubt(self, examples: int, theta: Vector) -> float:
        """The standard error of the mean loss over the first examples, as in `subsampling`."""
        objective = getattr(self._training.instance, self.view.split)
        total = objective.examples
        if examples >= total or examples < 2:
            return 0.0
        part = objective.with_buffers(self._entry().state.buffers).first(examples)
        with torch.no_grad():
            answers = Answers(part.targets, part.loss_function)
            outputs = part.outputs(theta)
            if loss_values(part.loss_function, outputs, part.targets).ndim == 0:
                return math.nan  # the mean alone does not tell how the examples differ
            spread = float(answers.losses(outputs).std())
        return standard_error(spread, examples, total)


def _leaving(away: torch.Tensor, size: float) -> int:
    """How many iterates there are until one leaves all pictures, by distances (T,) from the start.

    At least one, as the start itself is at 0; `size` is the start's own distance from zero.
    """
    gone = away > ESCAPE * max(size, 1.0)
    return int(gone.int().argmax()) if bool(gone.any()) else len(away)

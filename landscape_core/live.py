"""A run being watched: train a little, look at the landscape, again and again.

`Session` is the one mutable thing of the engine: it holds the latest state and the record of a run,
and is meant for one thread. Everything that it gives out is an immutable `Picture`.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal, cast

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr
from scipy.interpolate import interpn

from landscape_core.boundaries import boundary, drawable, scattered
from landscape_core.directions.base import Directions, Viewpoint
from landscape_core.directions.pca import PCA
from landscape_core.directions.random import Random
from landscape_core.errors import PlaneError, SpecError
from landscape_core.framing import Frame, framed
from landscape_core.measures.base import Answers
from landscape_core.measuring import applicable, curves, measured
from landscape_core.objective import BATCH_NORM, BATCH_NORM_HELP, BatchNorm, ModelObjective
from landscape_core.planes import Plane
from landscape_core.probes import Probe, probe
from landscape_core.recipes import Choice, Knob, Note, Recipe, name_of
from landscape_core.refining import Tolerance
from landscape_core.sampling import standard_error
from landscape_core.slices import Grid, coarse, levels
from landscape_core.slicing import slicing
from landscape_core.spectra import Watch, Watcher
from landscape_core.standpoints import Standpoint
from landscape_core.store import Store
from landscape_core.strategies.base import Strategy
from landscape_core.tasks import trajectory
from landscape_core.training import Recorder, Run, Training
from landscape_core.types import Vectors

PREVIEWS = (64, 256)
"""Examples of a preview, where all of them would take too long for a moving picture."""

ON_THE_WAY = 12
"""Pictures on the way to a step."""

RECORDED = 72
"""Iterates recorded on the way to a step, about."""

QUICK = 0.003
"""Seconds in which a rule finds a plane anew for every picture of a running training."""

SELDOM = 5
"""A rule that takes longer waits so many times as long until the next; held, it never waits."""

Status = Literal["ready", "running", "paused", "finished", "diverged"]


@dataclass(frozen=True, kw_only=True)
class View(Recipe):
    """Which slice of the landscape is shown, around where the run stands."""

    directions: Annotated[Directions, Note("the plane that the picture shows")] = field(
        default_factory=PCA
    )
    follow: Annotated[bool, Note("move the plane along with the run")] = True
    span: Annotated[
        float,
        Knob(0.01, 100.0, "half-width of the picture: 1 is the axis, or fits the path", "log"),
    ] = 1.0
    resolution: Annotated[int, Knob(11, 201, "points along each side of the picture")] = 51
    split: Annotated[str, Choice(("train", "test"), "examples it is computed on")] = "train"
    examples: Annotated[
        int, Knob(1, 1_000_000, "how many of the examples it is computed on, at most", "log")
    ] = 1000
    batch_norm: Annotated[str, Choice(BATCH_NORM, BATCH_NORM_HELP)] = "running"
    tolerance: Annotated[
        float,
        Knob(0.0, 0.1, "held picture: largest error, as a share of the range; 0: every point"),
    ] = 0.0


@dataclass(frozen=True)
class Readings:
    """The numbers at a state; `values` as `train_loss`, `test_accuracy`."""

    step: int
    epoch: float
    seconds: float
    values: dict[str, float]


@dataclass(frozen=True, eq=False)
class Picture:
    """One complete look at a run, in named arrays.

    `path` holds the shadow (alpha, beta) of each recorded iterate, its distance from the plane, how
    far `off` that is as a share of the way the run has gone, and its true loss. `curvature` holds
    what was measured of the curvature along the run, where that was asked for, and `studies` what
    was found of the present point, by the name of the study. `captured` is the share of the squared
    motion since the start that lies in the plane. `notice` says why the plane is not the one asked
    for, or is empty. `standard_error` is that of the mean loss at the present point, where the
    slice uses only some of the examples.
    """

    run: Run
    view: View
    status: Status
    readings: Readings
    slice: xr.Dataset
    path: xr.Dataset
    curves: xr.Dataset
    boundary: xr.Dataset | None
    points: xr.Dataset | None
    captured: float
    notice: str
    standard_error: float = 0.0
    curvature: xr.Dataset | None = None
    studies: Mapping[str, xr.Dataset] = field(default_factory=dict)


class Session:
    """A run under way and how it is looked at."""

    def __init__(self, run: Run, view: View, store: Store | None = None) -> None:
        """Build the problem and stand at its start.

        Raises:
            SpecError: parts that do not fit, or no such examples; before any work.
            MissingDataError: a data file is not there.
        """
        self.run, self.view = run, view
        self._store = store
        self._training = Training(run)
        self._check(view)
        self._state = self._training.start()
        self._recorder = Recorder(run, len(self._state.theta))
        self._seconds = 0.0
        self._plane: Plane | None = None
        self._frame: Frame | None = None
        self._notice = ""
        self._seconds_at: dict[int, float] = {}
        self._strategies: dict[int, Strategy] = {}
        self._watcher: Watcher | None = None
        self._latest: Picture | None = None
        self._renew_at = 0.0
        data = self._training.instance.data
        self._points = scattered(data) if data is not None and drawable(data) else None
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

    def continues(self, run: Run) -> bool:
        """Whether another run can go on from here: only step sizes, batch size or end differ."""
        same = run.replace(
            optimizer=self.run.optimizer,
            schedule=self.run.schedule,
            batch_size=self.run.batch_size,
            steps=self.run.steps,
        )
        return same == self.run and name_of(type(run.optimizer)) == name_of(
            type(self.run.optimizer)
        )

    def continue_with(self, run: Run) -> None:
        """Go on under another optimizer setting, batch size or end, from the same state.

        Raises:
            SpecError: a batch larger than the data; the run is then unchanged.
        """
        self._training.check(run)
        self.run = run

    def look_through(self, view: View) -> None:
        """Show another slice from now on.

        Raises:
            SpecError: the loss on test examples, where a problem has none.
        """
        self._check(view)
        if view.directions != self.view.directions or view.follow != self.view.follow:
            self._plane = self._frame = None
            self._renew_at = 0.0
        if view != self.view:
            self._seconds_at, self._strategies = {}, {}
        self.view = view

    def watch(self, asked: Watch | None) -> None:
        """Follow the curvature along the run from now on, or no more."""
        if asked is None or self._watcher is None or self._watcher.asked != asked:
            self._watcher = Watcher(asked, self._seconds) if asked else None

    def advance(self, steps: int) -> None:
        """Make so many steps, or fewer if the run ends, and record where it then stands."""
        began = time.perf_counter()
        for _ in range(steps):
            if self.status in ("diverged", "finished"):
                break
            self._state = self._training.advance(self._state, self.run)
        self._seconds += time.perf_counter() - began
        self._record()
        if self._watcher is not None and self._watcher.due(self._seconds):
            self._watcher.measure(self._here(), self._state.theta, self._state.index)

    def advance_to(self, step: int, pictures: int = 60) -> None:
        """Train up to a step, recording about so many iterates on the way."""
        every = max(1, (step - self.step) // pictures)
        while self.step < step and self.status in ("ready", "paused"):
            self.advance(min(every, step - self.step))

    def travel(self, step: int) -> Iterator[Picture]:
        """Train up to a step, with some pictures on the way; it then looks as if at once there.

        The same run and step leave the same record, whoever travels.
        """
        while self.step < step and self.status in ("ready", "paused"):
            stop = min(step, self.step + max(1, step // ON_THE_WAY))
            self.advance_to(stop, RECORDED // ON_THE_WAY)
            yield self.picture()
            if self.step >= step:
                self.settle()

    def settle(self) -> None:
        """Look as if nothing had been looked at before: a plane that follows is found anew.

        Without it, the order and signs of the axes depend on which pictures there were on the way.
        """
        if self.view.follow:
            self._plane = self._frame = None
            self._renew_at = 0.0

    def play(self, steps: int, budget: float = 0.012) -> Iterator[Picture]:
        """Pictures of the running training, so many steps apart, until it ends.

        Args:
            steps: steps between pictures.
            budget: seconds that the slice of one picture may take; sets how coarse it is.
        """
        while self.status in ("ready", "paused"):
            self.advance(steps)
            yield self.picture(budget, "running" if self.status == "paused" else self.status)

    def picture(self, budget: float = 0.012, status: Status | None = None) -> Picture:
        """The present look, its slice as fine as the time allows, the rest interpolated."""
        seen = self._look()
        grid = seen.grid(self.view.resolution)
        rung = self._affordable(budget, ladder := self._ladder(levels(grid)))
        examples, level = ladder[rung]
        read = self._probe(seen, examples)
        began = time.perf_counter()
        dataset = coarse(read, grid, level)
        spent = time.perf_counter() - began
        known = self._seconds_at.get(rung, spent)
        self._seconds_at[rung] = 0.7 * known + 0.3 * spent
        return self._picture(seen, dataset, status)

    def _ladder(self, counts: list[int]) -> list[tuple[int, int]]:
        """From the cheapest picture to the best: (examples, level of the grid)."""
        objective = getattr(self._training.instance, self.view.split)
        full = min(self.view.examples, objective.examples)
        fewer = [n for n in PREVIEWS if n < full]
        return [(n, 0) for n in fewer] + [(full, level) for level in range(len(counts))]

    def _affordable(self, budget: float, ladder: list[tuple[int, int]]) -> int:
        """The best rung known to fit the budget; the next one is tried where it might."""
        known = self._seconds_at
        best = max((rung for rung, seconds in known.items() if seconds <= budget), default=0)
        following = best + 1
        untried = best in known and following < len(ladder) and following not in known
        # Four times the work costs less than four times as much: part of it is fixed.
        return following if untried and 3.0 * known[best] <= budget else best

    def refine(self) -> Iterator[Picture]:
        """The present look from coarse to fine; from the store at once, if it is there.

        Exact at the end, or within the tolerance of the view.
        """
        self._renew_at = 0.0
        seen = self._look()
        read, grid = self._probe(seen, self.view.examples), seen.grid(self.view.resolution)
        tolerance = Tolerance(share=self.view.tolerance) if self.view.tolerance else None
        for dataset in slicing(read, grid, tolerance=tolerance, store=self._store):
            yield self._picture(seen, dataset)

    def study(
        self, name: str, found: Callable[[Standpoint], Iterator[xr.Dataset | None]]
    ) -> Iterator[Picture]:
        """The latest picture with what a study finds of the present point, growing.

        Where the loss is not finite, or before the first picture, there is none; and where the
        study has nothing new, the picture is as it was.

        Raises:
            SpecError: a problem without a network.
        """
        latest = self._latest
        if latest is None or self._state.diverged:
            return
        for dataset in found(self._standpoint()):
            if dataset is not None:
                latest = replace(latest, studies={name: dataset})
            yield latest

    def _check(self, view: View) -> None:
        if view.split == "test" and self._training.instance.test is None:
            raise SpecError("View.split", "test", "train, as the problem has no test examples")

    def _standpoint(self) -> Standpoint:
        train = self._here()
        names = [block.name for block in train.layout.blocks]
        parts = {"train": train.moving(names, self._state.theta)}
        test = self._training.instance.test
        if isinstance(test, ModelObjective):
            test = test.with_buffers(self._state.buffers).with_reference(train.inputs)
            parts["test"] = test.moving(names, self._state.theta)
        seen = self._look()
        run = self.run.replace(steps=max(1, self.step))
        grid = seen.grid(self.view.resolution)
        path = trajectory(run, self._recorder, diverged=False)
        return Standpoint(run, self.step, parts, path, seen.plane, grid, self._store)

    def _here(self) -> ModelObjective:
        """The training objective with the present statistics."""
        train = self._training.instance.train
        if not isinstance(train, ModelObjective):
            raise SpecError("Run.problem", type(train).__name__, "a network")
        return train.with_buffers(self._state.buffers)

    def _record(self) -> None:
        self._recorder.add(self._state, **measured(self._training.instance, self._state))

    def _look(self) -> "_Seen":
        thetas = self._recorder.thetas()
        plane = self._spanned(thetas)
        middle, half = np.zeros(plane.dimensions), np.ones(plane.dimensions)
        if plane.explained is not None:
            plane = plane.at(plane.points(plane.coords(thetas[:1]))[0])
            self._frame = framed(plane.coords(thetas).numpy(force=True), self._frame)
            middle, half = self._frame.middle, self._frame.half
        coords, distance = plane.coords(thetas), plane.distance(thetas)
        moved = (thetas - thetas[0]).double().norm(dim=1).max().clamp(min=1e-300)
        return _Seen(
            plane,
            middle,
            half * self.view.span,
            coords.numpy(force=True),
            distance,
            distance / moved,
        )

    def _probe(self, seen: "_Seen", examples: int) -> Probe:
        policy = cast(BatchNorm, self.view.batch_norm)
        instance = self._training.instance
        objective = getattr(instance, self.view.split)
        part = objective.with_buffers(self._state.buffers).with_batch_norm(policy)
        part = part.first(examples).with_reference(self._reference())
        asked = {self.view.split: part}, seen.plane, applicable(instance)
        if part.examples not in self._strategies:
            tried = probe(*asked)
            self._strategies[part.examples] = tried.strategies[self.view.split]
            return tried
        return probe(*asked, self._strategies[part.examples])

    def _reference(self) -> torch.Tensor:
        """The training examples, of which statistics are estimated."""
        return self._here().inputs

    def _spanned(self, thetas: Vectors) -> Plane:
        """The plane through the present point, turned as little as possible from the last."""
        if self._plane is not None and not self.view.follow:
            return self._plane
        began = time.perf_counter()
        if self._plane is not None and began < self._renew_at:
            framing = self._plane.explained is not None
            return self._plane if framing else self._plane.at(self._state.theta)
        view = Viewpoint(self._here(), self._state.theta, thetas, self.run.seed)
        self._notice = ""
        try:
            self._plane = self.view.directions.span(view).facing(self._plane)
            spent = time.perf_counter() - began
            self._renew_at = time.perf_counter() + (SELDOM * spent if spent > QUICK else 0.0)
        except PlaneError as error:
            self._notice = f"A random plane for now: {error}"
            return Random().span(view)
        return self._plane

    def _picture(self, seen: "_Seen", dataset: xr.Dataset, status: Status | None = None) -> Picture:
        recorded = self._recorder.entries()
        instance, latest = self._training.instance, recorded[-1]
        over_inputs = None
        if self._points is not None and isinstance(instance.train, ModelObjective):
            assert_data = instance.data
            network = instance.train.with_buffers(latest.state.buffers)
            over_inputs = (
                boundary(network, latest.state.theta, assert_data) if assert_data else None
            )
        steps = np.array([entry.state.index for entry in recorded])
        losses = np.array([entry.values.get("train_loss", math.nan) for entry in recorded])
        self._latest = Picture(
            run=self.run,
            view=self.view,
            status=status or self.status,
            readings=Readings(
                self._state.index,
                self._training.epoch(self._state),
                self._seconds,
                latest.values | ({} if not self._state.diverged else {"train_loss": math.nan}),
            ),
            slice=dataset,
            path=seen.path(steps, losses),
            curves=curves(recorded),
            boundary=over_inputs,
            points=self._points,
            captured=seen.captured(self._recorder.thetas()),
            notice=self._notice,
            standard_error=self._doubt(int(dataset.attrs["examples"][0])),
            curvature=self._watcher.dataset() if self._watcher else None,
        )
        return self._latest

    def _doubt(self, examples: int) -> float:
        """The standard error of the mean loss over the first examples; see `sampling`."""
        objective = getattr(self._training.instance, self.view.split)
        total = objective.examples
        if examples >= total or examples < 2:
            return 0.0
        part = objective.with_buffers(self._state.buffers).first(examples)
        with torch.no_grad():
            answers = Answers(part.targets, part.loss_function)
            spread = float(answers.losses(part.outputs(self._state.theta)).std())
        return standard_error(spread, examples, total)


def under(path: xr.Dataset, slice_: xr.Dataset, split: str) -> xr.Dataset:
    """The path with the loss of the picture `under` it, interpolated; NaN outside the picture."""
    shown = slice_["loss"].sel(split=split)
    with np.errstate(invalid="ignore"):  # beside an infinite value there is none
        below = interpn(
            (shown["beta"].values, shown["alpha"].values),
            shown.values,
            np.stack([path["beta"].values, path["alpha"].values], axis=1),
            bounds_error=False,
            fill_value=np.nan,
        )
    return path.assign(under=("step", below))


@dataclass(frozen=True, eq=False)
class _Seen:
    """A plane, the rectangle of it that is shown, and the path's shadow on it."""

    plane: Plane
    middle: npt.NDArray[np.float64]
    half: npt.NDArray[np.float64]
    coords: npt.NDArray[np.float64]
    distance: torch.Tensor
    off: torch.Tensor

    def grid(self, resolution: int) -> Grid:
        low, high = self.middle - self.half, self.middle + self.half
        return Grid(
            resolution=resolution,
            alpha_low=low[0],
            alpha_high=high[0],
            beta_low=low[-1],
            beta_high=high[-1],
        )

    def path(self, steps: npt.NDArray[np.int64], losses: npt.NDArray[np.float64]) -> xr.Dataset:
        return xr.Dataset(
            {
                "alpha": ("step", self.coords[:, 0]),
                "beta": ("step", self.coords[:, 1]),
                "loss": ("step", losses),
                "distance": ("step", self.distance.numpy(force=True)),
                "off": ("step", self.off.numpy(force=True)),
            },
            {"step": steps},
        )

    def captured(self, thetas: Vectors) -> float:
        moved = (thetas - thetas[0]).double()
        inside = self.plane.at(thetas[0]).distance(thetas)
        total = float(moved.square().sum())
        return 1.0 - float(inside.square().sum()) / total if total else 1.0

"""Connections between minima: the loss along a curve from one trained network to another.

With the plane in which the curve lies, as in figure 1 of Garipov et al.: it shows all of a curve
with one inner node, and most of one with more.

Garipov et al., 2018, Loss Surfaces, Mode Connectivity, and Fast Ensembling of DNNs,
arXiv:1802.10026; Draxler et al., 2018, Essentially No Barriers in Neural Network Energy Landscape,
arXiv:1803.00885. The barrier is defined in `landscape_core.connectivity.barrier`.
"""

import time
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, cast

import torch
import xarray as xr

from landscape_core.connectivity.alignment import matching, permuted, permuted_buffers
from landscape_core.connectivity.barrier import End, Profile, barrier
from landscape_core.connectivity.paths.base import Curve, Kind, Path, plane_of, shadow
from landscape_core.connectivity.paths.bezier import Bezier
from landscape_core.experiments.progress import NEWS, Progress
from landscape_core.experiments.trajectory import buffers_at, record_run
from landscape_core.foundation.errors import PlaneError, SpecError
from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.recipes import (
    ENGINE_VERSION,
    Choice,
    Knob,
    Note,
    Recipe,
    canonical,
    to_plain,
    unlike,
)
from landscape_core.foundation.types import Vector
from landscape_core.models.architectures.mlp import MLP
from landscape_core.models.batch_norm import BATCH_NORM, BatchNorm
from landscape_core.models.content_key import key_or_warning
from landscape_core.models.datasets.digits import Digits
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.objective import Objective
from landscape_core.models.problems.base import Instance
from landscape_core.models.problems.supervised import Supervised
from landscape_core.planes.moving_buffers import MovingBuffers
from landscape_core.planes.plane import Plane
from landscape_core.slices.grid import Grid
from landscape_core.slices.probe import probe
from landscape_core.slices.slice import compute_slice
from landscape_core.storage.store import Store
from landscape_core.training.optimizers.adam import Adam
from landscape_core.training.run import Run, Training

SHARE = 0.2
"""The share of the time, about, that goes into reading the loss along unfinished curves."""

MARGIN = 0.2
"""How far the picture of a curve's plane goes beyond it, as a share of its extent."""

__all__ = [
    "Connection",
    "another_start",
    "barrier",
    "connect",
    "connection",
    "curve_of",
    "plane_of",
    "shadow",
    "to_another_start",
]


def _run(seed: int) -> Run:
    problem = Supervised(dataset=Digits(), architecture=MLP(width=100), data_seed=0)
    return Run(problem=problem, optimizer=Adam(learning_rate=0.003), steps=1000, seed=seed)


@dataclass(frozen=True, kw_only=True)
class Connection(Recipe):
    """A curve from the end of one run to the end of another.

    A run's seed draws its data, its initial weights and its batches; two runs that differ in it
    learn from the same examples only if their problem has a `data_seed`. All losses here are on the
    first run's data.
    """

    first: Annotated[Run, Note("where the curve begins, and whose data count")] = field(
        default_factory=lambda: _run(0)
    )
    second: Annotated[Run, Note("where the curve ends: a run of the same network")] = field(
        default_factory=lambda: _run(1)
    )
    path: Annotated[Path, Note("how the curve is found")] = field(default_factory=Bezier)
    align: Annotated[
        bool, Note("first put the second network's hidden units in the order nearest to the first")
    ] = False
    points: Annotated[int, Knob(3, 10_001, "of the curve, at which losses are read")] = 61
    resolution: Annotated[
        int, Knob(0, 201, "points along each side of the picture of the curve's plane; 0: none")
    ] = 25
    batch_norm: Annotated[
        str,
        Choice(
            BATCH_NORM,
            "statistics that batch normalization uses on the way: those of both ends in proportion"
            " (interpolated, or running, which are the same here), those of the examples evaluated"
            " (batch), or estimated anew (reestimated)",
        ),
    ] = "reestimated"

    def check(self) -> None:
        _check_resolution("Connection.resolution", self.resolution)


@public_call
def connect(asked: Connection, store: Store | None = None) -> Iterator[Progress]:
    """Both runs, unless they are in the store, then the curve between their ends.

    The dataset holds, along the curve at `t` from 0 to 1, `loss` and `accuracy` (split, t); along
    the straight line `straight_loss` (split, t); if asked to align, `aligned_loss` (split, t) along
    the straight line to the second network with its units reordered, which then is the curve's end;
    of each the barrier (split) and the length; and the curve's `nodes` (node, param). The last
    dataset, unless the curve is straight, has `plane_loss` (split, beta, alpha) over the curve's
    plane, `plane_of`, and where the curve runs: `curve_alpha`, `curve_beta` and `curve_distance`,
    that from the plane, (t).

    Raises:
        SpecError: parts that do not fit together, runs of different networks, or a network that
            cannot be aligned; before any work.
        MissingDataError: a data file is not there.
    """
    total = asked.first.steps + asked.second.steps + asked.path.curves
    key = key_or_warning("This connection", "connection", asked) if store else ""
    dataset = store.get(key) if store and key else None
    if dataset is None:
        instance = _instance(asked)
        ends: list[xr.Dataset] = []
        for run in (asked.first, asked.second):
            done = asked.first.steps * len(ends)
            trajectory = None
            for progress in record_run(run, store):
                trajectory = progress.dataset
                yield Progress(done + progress.done, total)
            if trajectory is not None:
                ends.append(trajectory)
        trained = asked.first.steps + asked.second.steps
        for done, dataset in _joined(asked, instance, ends):
            yield Progress(trained + done, total, dataset)
        if store and key and dataset is not None:
            store.put(key, dataset)
    yield Progress(total, total, dataset if dataset is None else dataset.assign_attrs(_of(asked)))


@public_call
def connection(  # noqa: PLR0913 - the options are by name
    parts: Objective | Mapping[str, Objective],
    first: Vector,
    last: Vector,
    *,
    path: Path | None = None,
    align: bool = False,
    points: int = 61,
    resolution: int = 0,
    seed: int = 0,
) -> Iterator[xr.Dataset]:
    """The curve between two points of one's own objective, as it improves; the last is the result.

    The datasets are those of `connect`: `loss`, `straight_loss` (split, t) and so on. Running
    statistics are those that the objective has; with batch normalization give one that estimates
    them anew, `objective.with_batch_norm("reestimated")`.

    Args:
        parts: an objective, or one for each split (`train`, `test`); the curve is trained on the
            first.
        first: the parameters (P,) where the curve begins.
        last: those where it ends.
        path: how the curve is found; by default a quadratic Bezier curve.
        align: first put the hidden units of `last` in the order nearest to `first`.
        points: of the curve, at which the losses are read.
        resolution: points along each side of the picture of the curve's plane; 0: none.
        seed: of places and mini-batches.

    Raises:
        SpecError: no parts, ends that are not finite or of another size than the objective, or a
            network that cannot be aligned.
    """
    _check_resolution("resolution", resolution)
    named = {"train": parts} if isinstance(parts, Objective) else dict(parts)
    if not named:
        raise SpecError("parts", parts, "at least one objective, by the name of its split")
    one = next(iter(named.values()))
    buffers = one.buffers if isinstance(one, ModelObjective) else {}
    ends = (End(first, buffers), End(last, buffers))
    between = _Between(named, ends, path or Bezier(), align, points, resolution, seed)
    shown = None
    for _, dataset in between.found():
        if dataset is not shown:
            yield dataset
        shown = dataset


def another_start(run: Run) -> Run:
    """The same run on the same data, from other initial weights: with the next seed."""
    if isinstance(run.problem, Supervised) and run.problem.data_seed < 0:
        run = run.replace(problem=run.problem.replace(data_seed=run.seed))
    return run.replace(seed=run.seed + 1)


@public_call
def to_another_start(  # noqa: PLR0913 - the options are by name
    parts: Mapping[str, ModelObjective],
    run: Run,
    *,
    path: Path | None = None,
    align: bool = False,
    points: int = 61,
    resolution: int = 25,
    store: Store | None = None,
) -> Iterator[Progress]:
    """The curve from where the parts start to the end of `another_start` of their run.

    Args:
        parts: the data by split, the training data first, each starting at the curve's first end.
        run: that led there.
        path: how the curve is found; by default a quadratic Bezier curve.
        align: first put the other network's hidden units in the order nearest to this one's.
        points: of the curve, at which the losses are read.
        resolution: points along each side of the picture of the curve's plane; 0: none.
        store: keeps the other run.

    Raises:
        SpecError: a network that cannot be aligned; before any work.
    """
    train = next(iter(parts.values()))
    path, other = path or Bezier(), another_start(run)
    total = other.steps + path.curves
    if align:
        matching(train, train.start, train.start)  # raises if the network cannot be followed
    trajectory = None
    for progress in record_run(other, store):
        trajectory = progress.dataset
        yield Progress(progress.done, total)
    if trajectory is None:
        return
    statistics = {
        name: part.with_batch_norm("reestimated").with_reference(train.inputs)
        for name, part in parts.items()
    }
    last = torch.from_numpy(trajectory["theta"].values[-1]).to(train.start)
    ends = (End(train.start, train.buffers), End(last, buffers_at(trajectory, -1, train)))
    between = _Between(statistics, ends, path, align, points, resolution, run.seed)
    for done, dataset in between.found():
        yield Progress(other.steps + done, total, dataset)


def curve_of(dataset: xr.Dataset) -> Curve:
    """The curve of a connection's dataset."""
    kind = cast(Kind, dataset.attrs["curve"])
    return Curve(torch.from_numpy(dataset["nodes"].values), kind)


def _joined(
    asked: Connection, instance: Instance, trajectories: list[xr.Dataset]
) -> Iterator[tuple[int, xr.Dataset]]:
    """How many curves there were, and the connection of the ends of two trajectories."""
    first, last = (_end(trajectory, instance) for trajectory in trajectories)
    attrs = {
        **_of(asked),
        "engine_version": ENGINE_VERSION,
        "diverged": max(int(trajectory.attrs["diverged"]) for trajectory in trajectories),
    }
    between = _Between(
        _parts(asked, instance), (first, last), asked.path, asked.align, asked.points,
        asked.resolution, asked.first.seed,
    )  # fmt: skip
    for done, found in between.found():
        yield done, found.assign_attrs(attrs)


def _of(asked: Connection) -> dict[str, str]:
    """The attributes that say what was asked: the same data may lie in another folder than once."""
    return {"connection": canonical(to_plain(asked)), "run": canonical(to_plain(asked.first))}


def _parts(asked: Connection, instance: Instance) -> dict[str, Objective]:
    """The first run's data by split, with the statistics asked for."""
    policy, train = cast(BatchNorm, asked.batch_norm), instance.train
    parts: dict[str, Objective] = {}
    for split, part in (("train", train), ("test", instance.test)):
        if isinstance(part, ModelObjective) and isinstance(train, ModelObjective):
            parts[split] = part.with_batch_norm(policy).with_reference(train.inputs)
        elif part is not None:
            parts[split] = part
    return parts


@dataclass(frozen=True, eq=False)
class _Between:
    """The work between two ends, given by their parameters and statistics."""

    parts: Mapping[str, Objective]
    ends: tuple[End, End]
    path: Path
    align: bool
    points: int
    resolution: int
    seed: int

    def found(self) -> Iterator[tuple[int, xr.Dataset]]:
        """How many curves there were, and the connection by the latest that was read."""
        objective, (first, last) = next(iter(self.parts.values())), self.ends
        told: dict[Hashable, Any] = {}
        if self.align:
            told = dict(Profile(self.parts, self.ends, self.points).straight().data_vars)
            last = _reordered(objective, first, last, self.seed)
        reader = Profile(self.parts, (first, last), self.points)
        straight = reader.straight()
        if self.align:
            straight = straight.rename(
                {name: str(name).replace("straight", "aligned") for name in straight.data_vars}
            ).assign(told)
        for done, found in self._curves(reader, objective, (first, last)):
            yield done, found.assign(straight.data_vars)

    def _curves(
        self, reader: Profile, objective: Objective, ends: tuple[End, End]
    ) -> Iterator[tuple[int, xr.Dataset]]:
        shown: xr.Dataset | None = None
        curve: Curve | None = None
        told, again = -NEWS, 0.0
        first, last = (end.theta for end in ends)
        for done, curve in enumerate(self.path.connect(objective, first, last, self.seed)):
            now = time.monotonic()
            if shown is None or now > again:
                shown = reader.dataset(curve)
                took = time.monotonic() - now
                again = now + took / SHARE
            if now - told > NEWS:
                told = now
                yield done, shown
        if curve is not None:
            shown = reader.dataset(curve)
            yield self.path.curves, shown
            if self.resolution:
                yield self.path.curves, shown.assign(self._plane(curve, ends))

    def _plane(self, curve: Curve, ends: tuple[End, End]) -> dict[Hashable, Any]:
        """The loss over the curve's plane, and the curve's shadow; nothing of a straight one."""
        try:
            plane = _with_buffers(plane_of(curve), ends)
        except PlaneError:
            return {}
        networks = {n: p for n, p in self.parts.items() if isinstance(p, ModelObjective)}
        parts = {name: _anywhere(part, plane) for name, part in networks.items()}
        if not parts:
            return {}
        coords, distance = (found.numpy(force=True) for found in shadow(curve, plane, self.points))
        low, high = coords.min(axis=0), coords.max(axis=0)
        more = MARGIN * (high - low).max()
        grid = Grid(
            resolution=self.resolution,
            alpha_low=low[0] - more,
            alpha_high=high[0] + more,
            beta_low=low[1] - more,
            beta_high=high[1] + more,
        )
        *_, slice_ = compute_slice(probe(parts, plane, {}), grid)
        return {
            "plane_loss": slice_["loss"].assign_attrs(_statistics(slice_)).variable,
            "alpha": slice_["alpha"],
            "beta": slice_["beta"],
            "curve_alpha": ("t", coords[:, 0]),
            "curve_beta": ("t", coords[:, 1]),
            "curve_distance": ("t", distance),
        }


def _with_buffers(plane: Plane, ends: tuple[End, End]) -> Plane:
    """A curve's plane with the buffers of both ends, which change along the line between them."""
    first, last = (end.buffers for end in ends)
    return plane.through_states(MovingBuffers.through(first, last, first), 2)


def _anywhere(part: ModelObjective, plane: Plane) -> ModelObjective:
    """A part whose statistics mean something on all of a plane, at the ends their own.

    Where both ends have the same, they are perhaps nobody's, and estimated anew.
    """
    if part.batch_norm not in ("running", "interpolated"):
        return part
    if plane.buffers is None or not plane.buffers.moves:
        return part.with_batch_norm("reestimated")
    return part.with_buffers(plane.buffers.origin).with_batch_norm("interpolated")


def _statistics(slice_: xr.Dataset) -> dict[str, str]:
    """Which statistics a slice tells of, for the variable that holds its loss."""
    return {
        name: slice_.attrs[name] for name in ("batch_norm", "statistics") if name in slice_.attrs
    }


def _reordered(objective: Objective, first: End, last: End, seed: int) -> End:
    """The last end with its hidden units in the order nearest to the first."""
    if not isinstance(objective, ModelObjective):
        raise SpecError("align", "on", "off for a problem without a network")
    orders = matching(objective, first.theta, last.theta, seed)
    return End(
        permuted(objective, last.theta, orders), permuted_buffers(objective, last.buffers, orders)
    )


def _check_resolution(name: str, resolution: int) -> None:
    if resolution and not 3 <= resolution <= 201:
        raise SpecError(name, resolution, "0, or between 3 and 201")


def _instance(asked: Connection) -> Instance:
    """The first run's problem, if the second's network is the same function of its parameters."""
    first, second = (Training(run).instance for run in (asked.first, asked.second))
    one, other = first.train, second.train
    same = one.layout == other.layout
    if same and isinstance(one, ModelObjective) and isinstance(other, ModelObjective):
        same = _same_function(one, other)
    if not same:
        raise SpecError(
            "Connection.second",
            unlike(asked.second.problem, asked.first.problem),
            "a run of the first one's network",
        )
    if asked.align:
        if not isinstance(one, ModelObjective):
            raise SpecError("Connection.align", asked.align, "off for a problem without a network")
        matching(one, first.start, first.start)  # raises if the network cannot be followed
    return first


def _same_function(one: ModelObjective, other: ModelObjective) -> bool:
    """Whether two networks give the same for the same parameters, on a few examples."""
    few = one.first(8)
    if few.inputs.shape[1:] != other.inputs.shape[1:]:
        return False
    with torch.no_grad():
        found = other.outputs(few.start.to(other.start), few.inputs.to(other.inputs))
        return torch.allclose(few.outputs(few.start), found.to(few.start), rtol=1e-3, atol=1e-3)


def _end(trajectory: xr.Dataset, instance: Instance) -> End:
    """The last state of a trajectory."""
    theta = torch.from_numpy(trajectory["theta"].values[-1]).to(instance.start)
    train = instance.train
    return End(
        theta, buffers_at(trajectory, -1, train) if isinstance(train, ModelObjective) else {}
    )

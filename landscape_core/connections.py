"""Connections between minima: the loss along a curve from one trained network to another.

Garipov et al., 2018, Loss Surfaces, Mode Connectivity, and Fast Ensembling of DNNs,
arXiv:1802.10026; Draxler et al., 2018, Essentially No Barriers in Neural Network Energy Landscape,
arXiv:1803.00885. The barrier is defined in `profiles.py`.
"""

import time
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, cast

import torch
import xarray as xr

from landscape_core.alignment import matching, permuted, permuted_buffers
from landscape_core.architectures.mlp import MLP
from landscape_core.datasets.digits import Digits
from landscape_core.errors import SpecError
from landscape_core.objective import BATCH_NORM, BatchNorm, ModelObjective, Objective
from landscape_core.optimizers.adam import Adam
from landscape_core.paths.base import Curve, Kind, Path, plane_of, shadow
from landscape_core.paths.bezier import Bezier
from landscape_core.problems.base import Instance
from landscape_core.problems.supervised import Supervised
from landscape_core.profiles import End, Profile, barrier
from landscape_core.recipes import (
    ENGINE_VERSION,
    Choice,
    Knob,
    Note,
    Recipe,
    canonical,
    content_key,
    to_plain,
)
from landscape_core.store import Store
from landscape_core.tasks import NEWS, Progress, buffers_at, follow
from landscape_core.training import Run, Training
from landscape_core.types import Vector

SHARE = 0.2
"""The share of the time, about, that goes into reading the loss along unfinished curves."""

__all__ = ["Connection", "barrier", "connect", "connection", "curve_of", "plane_of", "shadow"]


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
    batch_norm: Annotated[
        str,
        Choice(
            BATCH_NORM,
            "statistics that batch normalization uses on the way: those of both ends in proportion"
            " (running), those of the examples evaluated (batch), or estimated anew (reestimated)",
        ),
    ] = "reestimated"


def with_another_start(run: Run, path: Path) -> Connection:
    """The connection of a run with the same on the same data, from other initial weights."""
    data_seed = run.seed
    if isinstance(run.problem, Supervised) and run.problem.data_seed >= 0:
        data_seed = run.problem.data_seed
    if isinstance(run.problem, Supervised):
        run = run.replace(problem=run.problem.replace(data_seed=data_seed))
    return Connection(first=run, second=run.replace(seed=run.seed + 1), path=path)


def connect(asked: Connection, store: Store | None = None) -> Iterator[Progress]:
    """Both runs, unless they are in the store, then the curve between their ends.

    The dataset holds, along the curve at `t` from 0 to 1, `loss` and `accuracy` (split, t); along
    the straight line `straight_loss` (split, t); if asked to align, `aligned_loss` (split, t) along
    the straight line to the second network with its units reordered, which then is the curve's end;
    of each the barrier (split) and the length; and the curve's `nodes` (node, param).

    Raises:
        SpecError: parts that do not fit together, runs of different networks, or a network that
            cannot be aligned; before any work.
        MissingDataError: a data file is not there.
    """
    total = asked.first.steps + asked.second.steps + asked.path.curves
    key = content_key("connection", asked)
    dataset = store.get(key) if store else None
    if dataset is None:
        instance = _instance(asked)
        ends: list[xr.Dataset] = []
        for run in (asked.first, asked.second):
            done = asked.first.steps * len(ends)
            trajectory = None
            for progress in follow(run, store):
                trajectory = progress.dataset
                yield Progress(done + progress.done, total)
            if trajectory is not None:
                ends.append(trajectory)
        trained = asked.first.steps + asked.second.steps
        for done, dataset in _joined(asked, instance, ends):
            yield Progress(trained + done, total, dataset)
        if store and dataset is not None:
            store.put(key, dataset)
    yield Progress(total, total, dataset)


def connection(
    parts: Objective | Mapping[str, Objective],
    first: Vector,
    last: Vector,
    *,
    path: Path | None = None,
    points: int = 61,
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
        last: those where it ends; `alignment.aligned` brings them near before.
        path: how the curve is found; by default a quadratic Bezier curve.
        points: of the curve, at which the losses are read.
        seed: of places and mini-batches.

    Raises:
        SpecError: no parts, or ends that are not finite or of another size than the objective.
    """
    named = {"train": parts} if isinstance(parts, Objective) else dict(parts)
    if not named:
        raise SpecError("parts", parts, "at least one objective, by the name of its split")
    one = next(iter(named.values()))
    buffers = one.buffers if isinstance(one, ModelObjective) else {}
    ends = (End(first, buffers), End(last, buffers))
    shown = None
    for _, dataset in _work(named, ends, path or Bezier(), points=points, seed=seed):
        if dataset is not shown:
            yield dataset
        shown = dataset


def curve_of(dataset: xr.Dataset) -> Curve:
    """The curve of a connection's dataset."""
    kind = cast(Kind, dataset.attrs["curve"])
    return Curve(torch.from_numpy(dataset["nodes"].values), kind)


def _joined(
    asked: Connection, instance: Instance, trajectories: list[xr.Dataset]
) -> Iterator[tuple[int, xr.Dataset]]:
    """The curve between the ends of two trajectories, with the lines before and after aligning."""
    parts, train = _parts(asked, instance), instance.train
    first, last = (_end(trajectory, instance) for trajectory in trajectories)
    told: dict[Hashable, Any] = {}
    if asked.align and isinstance(train, ModelObjective):
        told = dict(Profile(parts, (first, last), asked.points).straight().data_vars)
        orders = matching(train, first.theta, last.theta, asked.first.seed)
        last = End(
            permuted(train, last.theta, orders), permuted_buffers(train, last.buffers, orders)
        )
    attrs = {
        "connection": canonical(to_plain(asked)),
        "run": canonical(to_plain(asked.first)),
        "engine_version": ENGINE_VERSION,
        "diverged": max(int(trajectory.attrs["diverged"]) for trajectory in trajectories),
    }
    seed = asked.first.seed
    for done, found in _work(parts, (first, last), asked.path, points=asked.points, seed=seed):
        names = [str(name) for name in found if told and str(name).startswith("straight_")]
        renamed = found.rename({name: name.replace("straight", "aligned") for name in names})
        yield done, renamed.assign(told).assign_attrs(attrs)


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


def _work(
    parts: Mapping[str, Objective], ends: tuple[End, End], path: Path, *, points: int, seed: int
) -> Iterator[tuple[int, xr.Dataset]]:
    """How many curves there were, and the connection by the latest that was read."""
    reader = Profile(parts, ends, points)
    straight = reader.straight()
    objective = next(iter(parts.values()))
    shown: xr.Dataset | None = None
    curve: Curve | None = None
    told, again = -NEWS, 0.0
    for done, curve in enumerate(path.connect(objective, ends[0].theta, ends[1].theta, seed)):
        now = time.monotonic()
        if shown is None or now > again:
            shown = reader.dataset(curve).assign(straight.data_vars)
            took = time.monotonic() - now
            again = now + took / SHARE
        if now - told > NEWS:
            told = now
            yield done, shown
    if curve is not None:
        yield path.curves, reader.dataset(curve).assign(straight.data_vars)


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
            to_plain(asked.second.problem),
            "a run of the first one's network: " + canonical(to_plain(asked.first.problem)),
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

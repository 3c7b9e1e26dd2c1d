"""The ends of two runs, connected by a curve of low loss."""

from collections.abc import Iterator
from typing import cast

import torch
import xarray as xr

from landscape_core.connectivity.alignment import matching
from landscape_core.connectivity.barrier import End
from landscape_core.connectivity.connection import Connection
from landscape_core.connectivity.curve_search import CurveSearch
from landscape_core.experiments.trajectory import buffers_at, record_run
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.progress import Progress
from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.recipes import ENGINE_VERSION, canonical, to_plain, unlike
from landscape_core.models.batch_norm import BatchNorm
from landscape_core.models.content_key import key_or_warning
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.objective import Objective
from landscape_core.models.problems.base import Instance
from landscape_core.storage.store import Store
from landscape_core.training.run import Training


@public_call
def connect_runs(asked: Connection, store: Store | None = None) -> Iterator[Progress]:
    """Both runs, unless they are in the store, then the curve between their ends.

    The dataset holds, along the curve at `t` from 0 to 1, `loss` and `accuracy` (split, t); along
    the straight line `straight_loss` (split, t); if asked to align, `aligned_loss` (split, t) along
    the straight line to the second network with its units reordered, which then is the curve's end;
    of each the barrier (split) and the length; and the curve's `nodes` (node, param). The last
    dataset, unless the curve is straight, has `plane_loss` (split, beta, alpha) over the curve's
    plane, `plane_of_curve`, and where the curve runs: `curve_alpha`, `curve_beta` and
    `curve_distance`, that from the plane, (t).

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
    search = CurveSearch(
        _parts(asked, instance), (first, last), asked.path, asked.align, asked.points,
        asked.resolution, asked.first.seed,
    )  # fmt: skip
    for done, found in search.found():
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

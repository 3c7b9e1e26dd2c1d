"""Slices of the loss landscape around a step of a run, from the store where they are known.

The work is a generator of `Progress`, the last with the finished dataset; `result` waits for it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from landscape_core.experiments.horizon import path_to_horizon
from landscape_core.experiments.learning_curves import LOSS_ERROR
from landscape_core.experiments.splits import splits_with
from landscape_core.experiments.trajectory import (
    buffers_at,
    check_data,
    index_at,
    record_run,
    run_of,
)
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.progress import Progress
from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.recipes import canonical, to_plain, unlike
from landscape_core.foundation.types import Vectors
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.problems.base import Instance
from landscape_core.planes.directions.base import Viewpoint
from landscape_core.planes.plane import Plane
from landscape_core.planes.projected_path import ProjectedPath, before_escape, placed, project
from landscape_core.slices.backends.base import Backend
from landscape_core.slices.chosen_extent import Extent, chosen_extent, reason_of, within
from landscape_core.slices.given_path import path_variables
from landscape_core.slices.grid import Grid
from landscape_core.slices.point_statistics import named_choice, with_statistics
from landscape_core.slices.probe import Probe, probe
from landscape_core.slices.slice import compute_slice
from landscape_core.slices.slice_spec import SliceSpec
from landscape_core.storage.store import Store
from landscape_core.training.run import Run, Training


@dataclass(frozen=True, eq=False)
class PlannedSlice:
    """What a slice of a run evaluates, on which grid, and the projected trajectory."""

    probe: Probe
    grid: Grid
    projected: ProjectedPath
    extent: Extent | None = None
    """The extent with its reason, where it was chosen by a rule."""

    @property
    def plane(self) -> Plane:
        """The line or plane of the slice."""
        return self.projected.plane


@public_call
def slice_of_run(
    run: Run,
    spec: SliceSpec | None = None,
    store: Store | None = None,
    backend: Backend | None = None,
    *,
    step: int = -1,
) -> Iterator[Progress]:
    """Compute a slice of both splits, coarse to fine; the run is trained if it is not stored.

    Args:
        run: what is trained.
        spec: which slice; by default as in the app and on the command line.
        store: where the trajectory and the slice are kept.
        backend: where the slice is computed; by default in this process.
        step: the slice is around the recorded iterate nearest to this step; -1 is the last. The
            plane of a whole trajectory stays where it is, with the buffers of this iterate.

    Raises:
        SpecError: parts that do not fit together; before any work.
        PlaneError: the trajectory does not determine the plane.
    """
    path = None
    for progress in record_run(run, store):
        path = progress.dataset
        if path is None:
            yield progress
    if path is not None:
        yield from slice_of_trajectory(path, spec, store, backend, step=step)


@public_call
def slice_of_trajectory(
    path: xr.Dataset,
    spec: SliceSpec | None = None,
    store: Store | None = None,
    backend: Backend | None = None,
    others: Sequence[xr.Dataset] = (),
    *,
    step: int = -1,
) -> Iterator[Progress]:
    """Compute a slice around a step of a recorded trajectory, as `slice_of_run` does.

    Args:
        path: the trajectory, as `record_run` yields it.
        spec: which slice.
        store: where the slice is kept.
        backend: where it is computed.
        others: trajectories of the same network, which are projected as well: `other_alpha`,
            `other_beta`, `other_distance` (run, step), NaN where a run has no such step.
        step: the recorded step nearest to this; -1 is the last.

    Raises:
        SpecError: parts that do not fit together, or runs of another network; before any work.
        PlaneError: the trajectories do not determine the plane.
        FileFormatError: a data file is not the one that the run was trained on.
    """
    spec = spec or SliceSpec()
    planned = plan_slice(path, spec, others, step=step)
    total = spec.points
    at = int(path["step"].values[index_at(path, step)])
    attrs = slice_attributes(run_of(path), spec, at) | reason_of(planned.extent)
    dataset = None
    for dataset in compute_slice(
        planned.probe,
        planned.grid,
        attrs,
        tolerance=spec.interpolation(),
        backend=backend,
        store=store,
    ):
        yield Progress(int(dataset["computed"].sum()), total, dataset)
    if dataset is not None:
        shown = dataset.assign(trajectory_on(planned.projected, path))
        if others:
            shown = shown.merge(_others_on(planned.plane, others), join="outer")
        yield Progress(total, total, shown)


def slice_attributes(run: Run, spec: SliceSpec, step: int) -> dict[str, Any]:
    """The attributes by which a slice names its run, its specification and its step.

    Of a problem whose objective is no loss, `value` says what it is.
    """
    return value_attributes(run) | {
        "run": canonical(to_plain(run)),
        "slice": canonical(to_plain(spec)),
        "split": spec.split,
        "step": step,
    }


def value_attributes(run: Run) -> dict[str, str]:
    """The attribute `value`, what the value of the objective is called; none of a loss."""
    called = type(run.problem).value
    return {} if called == "loss" else {"value": called}


@public_call
def plan_slice(
    path: xr.Dataset,
    spec: SliceSpec,
    others: Sequence[xr.Dataset] = (),
    *,
    step: int = -1,
) -> PlannedSlice:
    """Choose plane, grid and evaluation of a slice around a step of a trajectory.

    The arguments and errors are those of `slice_of_trajectory`. The trajectories of `others` are
    handed to the directions as well, which may span the plane by them, too.
    """
    run = run_of(path)
    training = _training_of(path, run)
    instance = training.instance
    at = index_at(path, step)
    foreign = tuple(_iterates(other, run, instance) for other in others)
    train = instance.train
    assert isinstance(train, ModelObjective)  # `_training_of` has checked it
    whole = path_to_horizon(path, training, spec)
    projected = _projected(whole, spec, train, foreign, at=at, seed=run.seed)
    if whole is not path:
        projected = placed(projected, torch.from_numpy(path["theta"].values).to(instance.start))
    parts = splits_with(instance, buffers_at(path, at, train), max_examples=spec.max_examples)
    parts = with_statistics(
        parts, projected.plane, named_choice(spec.batch_norm), "SliceSpec.batch_norm"
    )
    read = probe(parts, projected.plane, spec.chosen_measures(), points=spec.points)
    extent = chosen_extent(read, projected) if spec.chooses_extent else None
    projected = within(projected, extent)
    grid = Grid.between(projected.low, projected.high, spec.resolution, spec.beta_resolution)
    return PlannedSlice(read, grid, projected, extent)


def _projected(
    path: xr.Dataset,
    spec: SliceSpec,
    train: ModelObjective,
    foreign: Sequence[Tensor],
    *,
    at: int,
    seed: int,
) -> ProjectedPath:
    """The plane of a slice around an iterate of a trajectory, with the rectangle that is shown."""
    thetas = torch.from_numpy(path["theta"].values).to(train.start)
    near = before_escape(thetas)
    end = near if spec.directions.whole_path or at >= near else at + 1
    view = Viewpoint(
        train.with_buffers(buffers_at(path, end - 1, train)),
        thetas[end - 1],
        thetas[:end],
        seed,
        tuple(foreign),
        buffers_of=lambda index: buffers_at(path, index % end, train),
    )
    plane = spec.directions.span(view, spec.dimensions)
    span = 1.0 if spec.chooses_extent else spec.span
    return project(plane, thetas, span=span, ends=spec.ends(), near=near, others=foreign)


def trajectory_on(projected: ProjectedPath, path: xr.Dataset) -> xr.Dataset:
    """The projected trajectory, as `path_variables` gives it, with its recorded losses."""
    thetas = torch.from_numpy(path["theta"].values)
    losses = path["loss"].sel(split="train").values
    found = path_variables(projected, thetas, losses, path["step"].values)
    if LOSS_ERROR not in path:
        return found
    error = path[LOSS_ERROR].sel(split="train").values  # the losses are those of a sample
    return found.assign({f"path_{LOSS_ERROR}": ("step", error)})


def _others_on(plane: Plane, others: Sequence[xr.Dataset]) -> xr.Dataset:
    """Other trajectories on the plane: other_alpha, other_beta, other_distance (run, step)."""
    tables = []
    for path in others:
        thetas = torch.from_numpy(path["theta"].values).to(plane.origin)
        coords, distance = plane.coords(thetas), plane.distance(thetas)
        columns = dict(zip(("alpha", "beta"), coords.numpy(force=True).T, strict=False))
        columns["distance"] = distance.numpy(force=True)
        tables.append(
            xr.Dataset(
                {f"other_{name}": ("step", values) for name, values in columns.items()},
                {"step": path["step"]},
            )
        )
    return xr.concat(tables, "run", join="outer").assign_coords(run=np.arange(len(others)) + 1)


def _training_of(path: xr.Dataset, run: Run) -> Training:
    """The training of a trajectory's run, checked to be that of its network."""
    check_data(path, run)
    training = Training(run)
    instance = training.instance
    if not isinstance(instance.train, ModelObjective):
        raise SpecError("run.problem", to_plain(run.problem)["kind"], "a network")
    size = instance.train.layout.size
    if path["theta"].shape[1] != size:
        accepted = f"a run of the trajectory's network, of {path['theta'].shape[1]} parameters"
        raise SpecError("run.problem", f"a network of {size}", accepted)
    return training


def _iterates(path: xr.Dataset, run: Run, instance: Instance) -> Vectors:
    """The iterates of another trajectory (T, P), if it is of the same network."""
    problem = run_of(path).problem
    train, other = instance.train, None if problem == run.problem else problem.build(0).train
    assert isinstance(train, ModelObjective)
    same = other is None or (isinstance(other, ModelObjective) and other.layout == train.layout)
    if not same:
        raise SpecError(
            "the network of another run", unlike(problem, run.problem), "that of the first"
        )
    if not np.isfinite(path["theta"].values).all():
        raise SpecError("the iterates of another run", "NaN or infinity", "finite")
    return torch.from_numpy(path["theta"].values).to(instance.start)

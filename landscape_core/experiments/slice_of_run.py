"""Slices of the loss landscape around a step of a run, from the store where they are known.

The work is a generator of `Progress`, the last with the finished dataset; `result` waits for it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated

import numpy as np
import torch
import xarray as xr

from landscape_core.experiments.progress import Progress
from landscape_core.experiments.trajectory import (
    buffers_at,
    check_data,
    is_run_of,
    record_run,
    run_of,
)
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.recipes import (
    Choice,
    Knob,
    Note,
    Recipe,
    canonical,
    to_plain,
    unlike,
)
from landscape_core.foundation.registry import find
from landscape_core.foundation.types import Vectors
from landscape_core.models.batch_norm import BATCH_NORM_HELP, CHOICES, USUAL
from landscape_core.models.measures.base import Measure
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.problems.base import Instance
from landscape_core.planes.directions.base import Directions, Viewpoint
from landscape_core.planes.directions.random import Random
from landscape_core.planes.extent import framed
from landscape_core.planes.plane import Plane
from landscape_core.slices.backends.base import Backend
from landscape_core.slices.grid import Grid
from landscape_core.slices.point_statistics import ACCEPTED, named_choice, with_statistics
from landscape_core.slices.probe import Probe, probe
from landscape_core.slices.slice import compute_slice
from landscape_core.slices.tolerance import Tolerance
from landscape_core.storage.store import Store
from landscape_core.training.run import Run, Training


@dataclass(frozen=True, kw_only=True)
class Look(Recipe):
    """A slice of the landscape around a point of a run."""

    run: Annotated[Run, Note("the run whose landscape is looked at")] = field(default_factory=Run)
    directions: Annotated[Directions, Note("which line or plane")] = field(default_factory=Random)
    grid: Annotated[Grid, Note("which points of it")] = field(default_factory=Grid)
    framed: Annotated[
        bool, Note("fit the extent to the paths that are shown, whatever the ends of the grid")
    ] = False
    step: Annotated[
        int, Knob(-1, 100_000_000, "the centre: the recorded step nearest to this, -1 for the last")
    ] = -1
    dimensions: Annotated[int, Knob(1, 2, "1 for a line, 2 for a plane")] = 2
    max_examples: Annotated[
        int, Knob(1, 100_000_000, "examples of each split that are used, at most", scale="log")
    ] = 100_000_000
    batch_norm: Annotated[str, Choice(CHOICES, BATCH_NORM_HELP)] = USUAL
    measures: Annotated[
        str, Note("what is read beside the loss, separated by commas; empty: what is usual")
    ] = ""
    tolerance: Annotated[
        float,
        Knob(0.0, 1.0, "largest error of interpolated points, as a share of the range; 0: exact"),
    ] = 0.0
    scale: Annotated[str, Choice(("linear", "log"), "the scale on which the tolerance holds")] = (
        "linear"
    )

    def check(self) -> None:
        if self.batch_norm == "interpolated" and not self.directions.through_states:
            raise SpecError("Look.batch_norm", self.batch_norm, ACCEPTED)


@public_call
def slice_of_run(
    asked: Look, store: Store | None = None, backend: Backend | None = None
) -> Iterator[Progress]:
    """A slice of both splits, coarse to fine, after training the run if it is not in the store.

    Raises:
        SpecError: parts that do not fit together; before any work.
        PlaneError: the trajectory does not determine the plane.
    """
    path = None
    for progress in record_run(asked.run, store):
        path = progress.dataset
        if path is None:
            yield progress
    if path is not None:
        yield from slice_of_trajectory(path, asked, store, backend)


@public_call
def slice_of_trajectory(
    path: xr.Dataset,
    asked: Look,
    store: Store | None = None,
    backend: Backend | None = None,
    others: Sequence[xr.Dataset] = (),
) -> Iterator[Progress]:
    """A slice around a step of a trajectory that is there already.

    The paths of `others`, trajectories of the same network, are shown on the plane as well:
    `other_alpha`, `other_beta`, `other_distance` (run, step), NaN where a run has no such step.

    Raises:
        SpecError: parts that do not fit together, or runs of another network; before any work.
        PlaneError: the trajectories do not determine the plane.
        FileFormatError: a data file is not the one that the run was trained on.
    """
    read, plane, thetas = probe_at(path, asked, others)
    grid = frame(asked, plane, thetas, others)
    total = asked.grid.resolution**asked.dimensions
    attrs = {"look": canonical(to_plain(asked))}
    tolerance = None
    if asked.tolerance:
        tolerance = Tolerance(relative_tolerance=asked.tolerance, scale=asked.scale)
    dataset = None
    for dataset in compute_slice(
        read, grid, attrs, tolerance=tolerance, backend=backend, store=store
    ):
        yield Progress(int(dataset["computed"].sum()), total, dataset)
    if dataset is not None:
        shown = dataset.assign(shadow_on(plane, thetas, path))
        if others:
            shown = shown.merge(_other_shadows(plane, others), join="outer")
        yield Progress(total, total, shown)


def frame(asked: Look, plane: Plane, thetas: Vectors, others: Sequence[xr.Dataset] = ()) -> Grid:
    """The grid of a look: as it is, or around the paths on the plane, with a margin."""
    if not asked.framed:
        return asked.grid
    rest = [torch.from_numpy(other["theta"].values).to(plane.origin) for other in others]
    around = framed(plane.coords(torch.cat([thetas, *rest])).numpy(force=True))
    low, high = around.middle - around.half, around.middle + around.half
    return asked.grid.replace(
        alpha_low=low[0], alpha_high=high[0], beta_low=low[-1], beta_high=high[-1]
    )


@public_call
def probe_at(
    path: xr.Dataset, asked: Look, others: Sequence[xr.Dataset] = ()
) -> tuple[Probe, Plane, Vectors]:
    """What a look reads around a step of a trajectory, its plane, and the iterates (T, P).

    The paths of `others` are handed to the rule as well, which may take them into the plane.
    """
    check_data(path, asked.run)
    instance = Training(asked.run).instance
    if not isinstance(instance.train, ModelObjective):
        raise SpecError("Look.run.problem", to_plain(asked.run.problem)["kind"], "a network")
    size = instance.train.layout.size
    if path["theta"].shape[1] != size:
        accepted = f"a run of the trajectory's network, of {path['theta'].shape[1]} parameters"
        raise SpecError("Look.run.problem", f"a network of {size}", accepted)
    if not is_run_of(path, asked.run):
        accepted = "left as it is: the weights are those of the run that was recorded"
        raise SpecError("Look.run", unlike(asked.run, run_of(path)), accepted)
    at = len(path["step"]) - 1
    if asked.step >= 0:
        at = int(np.abs(path["step"].values - asked.step).argmin())
    thetas = torch.from_numpy(path["theta"].values).to(instance.start)
    train = instance.train
    buffers = buffers_at(path, at, train)
    view = Viewpoint(
        train.with_buffers(buffers),
        thetas[at],
        thetas,
        asked.run.seed,
        _others(others, asked.run, instance),
        buffers_of=lambda index: buffers_at(path, index, train),
    )
    plane = asked.directions.span(view, asked.dimensions)
    parts = {
        split: objective.with_buffers(buffers)
        .first(asked.max_examples)
        .with_reference(train.inputs)
        for split in ("train", "test")
        if isinstance(objective := getattr(instance, split), ModelObjective)
    }
    choice = named_choice(asked.batch_norm)
    parts = with_statistics(parts, plane, choice, "Look.batch_norm")
    return probe(parts, plane, _measures(asked.measures)), plane, thetas


def _measures(names: str) -> dict[str, Measure] | None:
    """The measures of a list of names; None for those that are usual."""
    listed = [name.strip() for name in names.split(",") if name.strip()]
    return {name: find(Measure, name)() for name in listed} if listed else None


def path_on(slice_: xr.Dataset) -> xr.Dataset | None:
    """The trajectory on a slice: alpha, beta, loss and distance by step, if it is there."""
    names = [str(name) for name in slice_ if str(name).startswith("path_")]
    if not names:
        return None
    path = slice_[names].drop_vars(["alpha", "beta"], errors="ignore")
    path = path.dropna("step", subset=["path_alpha"])  # steps that only other runs have
    return path.rename({name: name.removeprefix("path_") for name in names})


@public_call
def shadow_on(plane: Plane, thetas: Vectors, path: xr.Dataset) -> xr.Dataset:
    """The trajectory on the plane: path_alpha, path_beta, path_loss, path_distance (step)."""
    coords = plane.coords(thetas).numpy(force=True)
    columns = {
        "path_alpha": coords[:, 0],
        "path_distance": plane.distance(thetas).numpy(force=True),
    }
    if plane.dimensions == 2:
        columns["path_beta"] = coords[:, 1]
    table = xr.Dataset({name: ("step", values) for name, values in columns.items()})
    return table.assign(path_loss=path["loss"].sel(split="train", drop=True), step=path["step"])


def _other_shadows(plane: Plane, others: Sequence[xr.Dataset]) -> xr.Dataset:
    """Other trajectories on the plane: other_alpha, other_beta, other_distance (run, step)."""
    tables = []
    for path in others:
        thetas = torch.from_numpy(path["theta"].values).to(plane.origin)
        table = shadow_on(plane, thetas, path).drop_vars("path_loss")
        names = {str(name): str(name).replace("path", "other") for name in table.data_vars}
        tables.append(table.rename(names))
    return xr.concat(tables, "run", join="outer").assign_coords(run=np.arange(len(others)) + 1)


def _others(others: Sequence[xr.Dataset], run: Run, instance: Instance) -> tuple[Vectors, ...]:
    """The iterates of other trajectories, if they are of the same network."""
    for path in others:
        problem = run_of(path).problem
        same = problem == run.problem or problem.build(0).train.layout == instance.train.layout
        if not same:
            raise SpecError(
                "the network of another run", unlike(problem, run.problem), "that of the first"
            )
        if not np.isfinite(path["theta"].values).all():
            raise SpecError("the iterates of another run", "NaN or infinity", "finite")
    return tuple(torch.from_numpy(path["theta"].values).to(instance.start) for path in others)

"""The runs that `path=` gives: their states, and where these lie on the plane of a slice."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.types import Vectors
from landscape_core.models.fitting_state import named_runs, opened
from landscape_core.models.network_objective import ModelObjective
from landscape_core.planes.directions.base import explained_by
from landscape_core.planes.extent import Numbers
from landscape_core.planes.network_state import NetworkState
from landscape_core.planes.plane import Plane
from landscape_core.planes.projected_path import ProjectedPath, project
from landscape_core.slices.given_path import path_variables, states_of
from landscape_core.slices.projected_runs import EstimatedPath, ProjectedRun, check_network, placed
from landscape_core.storage.checkpoints import Checkpoints
from landscape_core.storage.recorded_projection import RecordedProjection
from landscape_core.storage.recorded_states import RecordedStates

RUN = "run"
"""The dimension of the names of several runs."""


@dataclass(frozen=True, eq=False)
class GivenRun:
    """The states of one run and the number of steps before each; None is its name if it is alone.

    Where the steps are not known, they are 0, 1, ...
    """

    name: str | None
    states: Sequence[NetworkState]
    steps: npt.NDArray[Any]

    def thetas(self, like: torch.Tensor) -> Vectors:
        """The parameters of the states (T, P), of the type and on the device of `like`."""
        return torch.stack([state.theta.to(like) for state in self.states])


def runs_of(path: object, objective: ModelObjective) -> tuple[list[GivenRun], list[ProjectedRun]]:
    """The runs that `path=` gives: none, one without a name, or several by name.

    Either all give states, or all random projections of these.

    Raises:
        SpecError: no states or checkpoints, or a state of another network; says which. Or some runs
            give states and others projections.
        MissingDataError: there is no such file or folder.
        FileFormatError: a file cannot be read.
    """
    if path is None:
        return [], []
    several = named_runs(path)
    given = {None: path} if several is None else several
    runs = [_run(one, objective, name) for name, one in given.items()]
    projected = [run for run in runs if isinstance(run, ProjectedRun)]
    whole = [run for run in runs if isinstance(run, GivenRun)]
    if projected and whole:
        named = ", ".join(str(run.name) for run in projected)
        accepted = "of one kind, all states or all projections of `record(projection=)`"
        raise SpecError(
            "the runs of path", f"projections of {named} and states of others", accepted
        )
    return whole, projected


def _run(path: object, objective: ModelObjective, name: str | None) -> GivenRun | ProjectedRun:
    field = "path" if name is None else f"path[{name!r}]"
    path = opened(path, field)
    if isinstance(path, RecordedProjection):
        if not len(path):
            raise SpecError(field, "without a state", "at least one state, or None for no path")
        check_network(path, objective, field)
        return ProjectedRun(name, path)
    states = states_of(path, objective, field)
    known = path.steps if isinstance(path, RecordedStates | Checkpoints) else None
    return GivenRun(name, states, np.arange(len(states)) if known is None else np.array(known))


@dataclass(frozen=True)
class Shown:
    """What of a plane is shown, as `project` takes it."""

    span: float
    ends: tuple[float, float, float, float] | None
    given: bool


def on_plane(
    plane: Plane, runs: Sequence[GivenRun], recorded: Sequence[ProjectedRun], shown: Shown
) -> tuple[ProjectedPath | None, EstimatedPath | None]:
    """Where runs lie on a plane, and how sure that is where only projections of them are known.

    Raises:
        PlaneError: the plane is one of other parameters.
    """
    if runs:
        thetas = torch.cat([run.thetas(plane.origin) for run in runs])
        at = project(plane, thetas, span=shown.span, ends=shown.ends, given=shown.given)
        return at, None
    if not recorded:
        return None, None
    estimates = placed(plane, recorded, span=shown.span, ends=shown.ends)
    return estimates.projected, estimates


def runs_variables(
    projected: ProjectedPath, runs: Sequence[GivenRun], losses: Numbers, *, own: bool = True
) -> xr.Dataset:
    """The projected states of runs, as `path_variables` gives them, by run where they have names.

    NaN where a run has no such step. `explained_variance_ratio` (axis) is that of the states of all
    runs together, and `run_explained_variance_ratio` (run, axis) that of each run around its mean.

    Args:
        projected: the states of all runs, one after the other, on the plane.
        runs: whose states these are.
        losses: of all states, (T,).
        own: whether the plane is that of the runs by its rule.
    """
    thetas = torch.cat([run.thetas(projected.plane.origin) for run in runs])
    steps = np.concatenate([run.steps for run in runs])
    found = path_variables(projected, thetas, losses, steps, own=own)
    names = [run.name for run in runs if run.name is not None]
    if not names:
        return found
    union = np.unique(steps)
    rows = np.repeat(np.arange(len(runs)), [len(run.steps) for run in runs])
    columns = np.searchsorted(union, steps)
    tables: dict[str, Any] = {}
    for column in ("path_alpha", "path_beta", "path_loss", "path_distance"):
        if column in found:
            tables[column] = np.full((len(runs), len(union)), np.nan)
            tables[column][rows, columns] = found[column].values
    each = thetas.split([len(run.steps) for run in runs])
    ratios = np.array([_explained(projected, one) for one in each])
    return xr.Dataset(
        {column: ((RUN, "step"), values) for column, values in tables.items()}
        | {
            "explained_variance_ratio": found["explained_variance_ratio"],
            "run_explained_variance_ratio": ((RUN, "axis"), ratios),
        },
        {RUN: np.array(names, dtype=str), "step": union, "axis": found["axis"]},
    )


def _explained(projected: ProjectedPath, thetas: Vectors) -> tuple[float, ...]:
    """The fraction of a run's variance along each axis; NaN of one that does not move."""
    moves = thetas - thetas.mean(dim=0)
    if not moves.any():
        return (float("nan"),) * projected.plane.dimensions
    return explained_by(projected.plane.axes, moves)

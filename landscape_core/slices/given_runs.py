"""The runs that `path=` gives: their states, and where these lie on the plane of a slice."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr

from landscape_core.foundation.types import Vectors
from landscape_core.models.fitting_state import named_runs, opened
from landscape_core.models.network_objective import ModelObjective
from landscape_core.planes.directions.base import explained_by
from landscape_core.planes.extent import Numbers
from landscape_core.planes.network_state import NetworkState
from landscape_core.planes.projected_path import ProjectedPath
from landscape_core.slices.given_path import path_variables, states_of
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


def runs_of(path: object, objective: ModelObjective) -> list[GivenRun]:
    """The runs that `path=` gives: none, one without a name, or several by name.

    Raises:
        SpecError: no states or checkpoints, or a state of another network; says which.
        MissingDataError: there is no such file or folder.
        FileFormatError: a file cannot be read.
    """
    if path is None:
        return []
    several = named_runs(path)
    if several is None:
        return [_run(path, objective, None)]
    return [_run(one, objective, name) for name, one in several.items()]


def _run(path: object, objective: ModelObjective, name: str | None) -> GivenRun:
    field = "path" if name is None else f"path[{name!r}]"
    path = opened(path, field)
    states = states_of(path, objective, field)
    steps = path.steps if isinstance(path, RecordedStates) else np.arange(len(states))
    return GivenRun(name, states, steps)


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
    thetas = [run.thetas(projected.plane.origin) for run in runs]
    steps = np.concatenate([run.steps for run in runs])
    found = path_variables(projected, torch.cat(thetas), losses, steps, own=own)
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
    ratios = np.array([_explained(projected, each) for each in thetas])
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

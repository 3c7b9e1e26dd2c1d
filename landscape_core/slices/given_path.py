"""States saved in training: their projections onto the plane of a slice, and their own losses."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
import xarray as xr

from landscape_core.foundation.errors import SpecError
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.plain_evaluation import PlainEvaluation
from landscape_core.planes.network_state import NetworkState, state_in
from landscape_core.planes.projected_path import ProjectedPath


def states_of(path: object, objective: ModelObjective) -> list[NetworkState]:
    """The states of an objective's network that `path` lists.

    Raises:
        SpecError: no list of state dictionaries, or a state of another network.
    """
    if isinstance(path, Mapping | str) or not isinstance(path, Sequence):
        raise SpecError("path", type(path).__name__, "a list of state dictionaries")
    for state in path:
        if not isinstance(state, Mapping):
            raise SpecError("path", type(state).__name__, "a list of state dictionaries")
    return [state_in(state, objective) for state in path]


def path_variables(
    projected: ProjectedPath, states: Sequence[NetworkState], objective: ModelObjective, seed: int
) -> xr.Dataset:
    """The projected states: path_alpha, path_beta, path_distance and path_loss by step.

    The steps count the states from 0. The loss of a state is that of the network with its
    parameters and buffers, by the plain evaluation on the examples of the slice; NaN where the
    state cannot be reached, as it differs in a tensor that is held fixed or its buffers are not
    known.
    """
    columns = {f"path_{name}": values for name, values in projected.columns().items()}
    columns["path_distance"] = projected.distance
    columns["path_loss"] = _losses(states, objective, seed)
    table = {name: ("step", values) for name, values in columns.items()}
    return xr.Dataset(table, {"step": np.arange(len(states))})


def _losses(
    states: Sequence[NetworkState], objective: ModelObjective, seed: int
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    if objective.batch_norm == "interpolated":
        objective = objective.with_batch_norm("running")
    evaluation = PlainEvaluation(objective, seed=seed)
    found = []
    for state in states:
        known = state.buffers is not None and not state.differs
        evaluation.moved = state.buffers or {}
        with torch.no_grad():
            theta = state.theta.to(objective.start)
            found.append(float(evaluation.loss(theta)) if known else math.nan)
    return np.array(found)

"""States saved in training: their projections onto the plane of a slice, and their own losses."""

import math
import warnings
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.types import Vector, Vectors
from landscape_core.models.fitting_state import states_in_path
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.plain_evaluation import PlainEvaluation
from landscape_core.planes.directions.base import explained_by
from landscape_core.planes.extent import Numbers
from landscape_core.planes.network_state import NetworkState, state_in
from landscape_core.planes.projected_path import ProjectedPath


def states_of(path: object, objective: ModelObjective, field: str = "path") -> list[NetworkState]:
    """The states of an objective's network that `path` lists; none of None.

    Raises:
        SpecError: no states or checkpoints, or a state of another network; says which.
        MissingDataError: there is no such file or folder.
        FileFormatError: a file cannot be read.
    """
    states = []
    for name, found in states_in_path(path, field):
        try:
            states.append(state_in(found, objective))
        except SpecError as error:
            raise SpecError(f"{name}: {error.field}", error.value, error.accepted) from error
    return states


def losses_of(
    states: Sequence[NetworkState], objective: ModelObjective, seed: int, *, draws: int = 1
) -> Numbers:
    """The loss of each state (T,) by the plain evaluation, with the state's own buffers.

    It is the mean of so many `draws`, as in the slice, of numbers that a network draws.

    NaN, with a warning, where a state is not reached by the parameters that the plane moves, as it
    differs in a tensor that is held fixed, or its buffers are not known.
    """
    _warn_of_unknown(states)
    if objective.batch_norm == "interpolated":
        objective = objective.with_batch_norm("running")
    evaluation = PlainEvaluation(objective, seed=seed)
    found = []
    for state in states:
        known = state.buffers is not None and not state.differs
        evaluation.moved = state.buffers or {}
        with torch.no_grad():
            theta = state.theta.to(objective.start)
            found.append(_mean_loss(evaluation, theta, draws) if known else math.nan)
    return np.array(found)


def _warn_of_unknown(states: Sequence[NetworkState]) -> None:
    """Say of how many states the loss is not known, and why."""
    bare = sum(state.buffers is None for state in states)
    other = [state for state in states if state.differs and state.buffers is not None]
    why = []
    if bare:
        why.append(
            f"{bare} of {len(states)} states lack buffers of the network, as running statistics of"
            " batch normalization: record model.state_dict(), not its parameters alone"
        )
    if other:
        names = ", ".join(other[0].differs[:3])
        why.append(
            f"{len(other)} of {len(states)} states differ from the network in {names}, which is"
            " held fixed, as it requires no gradient"
        )
    if why:
        warnings.warn(f"path_loss is NaN where {'; and '.join(why)}.", stacklevel=5)


def _mean_loss(evaluation: PlainEvaluation, theta: Vector, draws: int) -> float:
    """The loss at parameters (P,), the mean of the draws where the network draws numbers."""
    first = evaluation.loss(theta)
    if draws == 1 or not evaluation.draws_perhaps:
        return float(first)
    rest = [evaluation.loss(theta, draw=draw) for draw in range(1, draws)]
    return float(torch.stack([first, *rest]).mean())


def path_variables(
    projected: ProjectedPath,
    thetas: Vectors,
    losses: Numbers,
    steps: npt.ArrayLike,
    *,
    own: bool = True,
) -> xr.Dataset:
    """The projected iterates: path_alpha, path_beta, path_loss and path_distance by step.

    And `explained_variance_ratio` (axis): the fraction of the iterates' variance along each axis,
    as the rule of the plane knows it if the plane is the iterates' `own`.
    """
    columns = {f"path_{name}": values for name, values in projected.columns().items()}
    columns |= {"path_loss": losses, "path_distance": projected.distance}
    plane = projected.plane
    ratio = plane.explained_variance_ratio if own else None
    ratio = ratio or explained_by(plane.axes, thetas - thetas.mean(dim=0))
    return xr.Dataset(
        {name: ("step", values) for name, values in columns.items()}
        | {"explained_variance_ratio": ("axis", np.array(ratio))},
        {"step": steps, "axis": ["alpha", "beta"][: plane.dimensions]},
    )

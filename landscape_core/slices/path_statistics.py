"""Whether the statistics that a slice uses belong to the states of its path."""

import warnings
from collections.abc import Mapping, Sequence

import torch

from landscape_core.foundation.types import Vector
from landscape_core.models.network_objective import ModelObjective
from landscape_core.planes.network_state import NetworkState
from landscape_core.planes.plane import Plane

FAR = 0.5
"""By which fraction of the way that statistics made along a path they may miss those of its end."""

FOREIGN = (
    "The slice lies around the states of the path, but has the batch-norm statistics of the network"
    " that was given, which are not those of the last state{}: away from them the losses are not"
    " those of the states. {}"
)

LOAD = (
    "Load the last state into the network (model.load_state_dict), or take"
    ' batch_norm="reestimated".'
)

EACH = 'No network has those of all runs; batch_norm="reestimated" has those of each point.'


def warn_of_foreign(
    part: ModelObjective, plane: Plane, runs: Mapping[str, Sequence[NetworkState]]
) -> None:
    """Warn where a plane of states uses the running statistics of a network that is none of them.

    Around the network's own parameters its statistics are the right ones.

    Args:
        part: whose statistics are used.
        plane: where.
        runs: the states by the names of their runs; that of one alone is empty.
    """
    if part.batch_norm != "running" or not part.normalizes or not runs:
        return
    if torch.equal(plane.origin.to(part.start), part.start) and len(runs) == 1:
        return
    foreign = [name for name, states in runs.items() if _is_foreign(part, states)]
    if foreign:
        several = any(foreign)
        of = f" of {', '.join(foreign)}" if several else ""
        warnings.warn(FOREIGN.format(of, EACH if len(runs) > 1 else LOAD), stacklevel=4)


def _is_foreign(part: ModelObjective, states: Sequence[NetworkState]) -> bool:
    """Whether the statistics of a part are far from those of the last of some states."""
    known = [_numbers(state, part) for state in states if state.buffers is not None]
    if not known:
        return False
    own = _numbers(NetworkState(part.start, part.buffers), part)
    way = max(float((one - known[-1]).norm()) for one in known)
    return float((own - known[-1]).norm()) > FAR * way


def _numbers(state: NetworkState, part: ModelObjective) -> Vector:
    """The buffers with a fraction end to end, in double precision."""
    names = [name for name, one in part.buffers.items() if one.is_floating_point()]
    return torch.cat([(state.buffers or {})[name].double().flatten() for name in names])

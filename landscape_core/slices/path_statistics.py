"""Whether the statistics that a slice uses belong to the states of its path."""

import warnings
from collections.abc import Sequence

import torch

from landscape_core.foundation.types import Vector
from landscape_core.models.network_objective import ModelObjective
from landscape_core.planes.network_state import NetworkState
from landscape_core.planes.plane import Plane

FAR = 0.5
"""By which fraction of the way that statistics made along a path they may miss those of its end."""

FOREIGN = (
    "The slice lies around the states of the path, but has the batch-norm statistics of the network"
    " that was given, which are not those of the last state: away from them the losses are not"
    " those of the states. Load the last state into the network (model.load_state_dict), or take"
    ' batch_norm="reestimated".'
)


def warn_of_foreign(part: ModelObjective, plane: Plane, states: Sequence[NetworkState]) -> None:
    """Warn where a plane of states uses the running statistics of a network that is none of them.

    Around the network's own parameters its statistics are the right ones.
    """
    if part.batch_norm != "running" or not part.normalizes or not states:
        return
    if torch.equal(plane.origin.to(part.start), part.start):
        return
    known = [_numbers(state, part) for state in states if state.buffers is not None]
    if not known:
        return
    own = _numbers(NetworkState(part.start, part.buffers), part)
    way = max(float((one - known[-1]).norm()) for one in known)
    if float((own - known[-1]).norm()) > FAR * way:
        warnings.warn(FOREIGN, stacklevel=4)


def _numbers(state: NetworkState, part: ModelObjective) -> Vector:
    """The buffers with a fraction end to end, in double precision."""
    names = [name for name, one in part.buffers.items() if one.is_floating_point()]
    return torch.cat([(state.buffers or {})[name].double().flatten() for name in names])

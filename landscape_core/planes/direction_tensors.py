"""Directions given tensor by tensor, as loss-landscape stores them, in the vectors of a network.

Its direction files hold a tensor for each parameter (`dir_type` weights), or for each entry of the
state dictionary (`dir_type` states), in the order of the network.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from landscape_core.foundation.errors import FileFormatError, PlaneError
from landscape_core.foundation.types import Vectors
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.objective import Objective
from landscape_core.models.parameters import Layout
from landscape_core.planes.moving_buffers import MovingBuffers

Direction = Sequence[npt.NDArray[Any]]

AXES = ("xdirection", "ydirection")


def vectors_and_buffers(
    directions: Sequence[Direction], objective: Objective, whole: Layout | None, file: str
) -> tuple[Vectors, MovingBuffers | None]:
    """The vectors (D, P) of directions, and how the buffers move along them, if any does.

    Parameters outside of the objective's layout that are in the `whole` one are dropped.

    Args:
        directions: the tensors of each.
        objective: of the network.
        whole: the layout of all parameters, if some layers are held fixed.
        file: what an error calls them.

    Raises:
        PlaneError: the tensors are not those of the network, or one that the network holds fixed
            moves.
        FileFormatError: a number is not finite.
    """
    named = [
        _named(tensors, objective, f"{file}: {axis}")
        for axis, tensors in zip(AXES, directions, strict=False)
    ]
    layout = objective.layout
    known = {block.name for block in (whole or layout).blocks}
    buffers = objective.buffers if isinstance(objective, ModelObjective) else {}
    for axis, tensors in zip(AXES, named, strict=False):
        moved = [name for name in tensors if name not in known and name not in buffers]
        fixed = [name for name in moved if bool(tensors[name].any())]
        if fixed:
            raise PlaneError(
                f"{file}: {axis} moves {', '.join(fixed[:4])}, which the network holds fixed."
            )
    vectors = torch.stack(
        [torch.cat([one[block.name].reshape(-1) for block in layout.blocks]) for one in named]
    )
    return vectors, _buffers(named, buffers)


def _named(tensors: Direction, objective: Objective, shown: str) -> dict[str, Tensor]:
    """The tensors of a direction by the names of the network's parameters and buffers."""
    weights, states = _shapes(objective)
    found = [one.shape for one in tensors]
    for names, shapes in (weights, states):
        if found == shapes:
            return _by_name(names, tensors, shown)
    names, shapes = states if len(found) == len(states[0]) else weights
    if len(found) != len(names):
        count = f"{len(weights[0])} parameters"
        if len(states[0]) != len(weights[0]):
            count += f", and {len(states[0])} tensors in its state dictionary"
        raise PlaneError(f"{shown} holds {len(found)} tensors; the network has {count}.")
    number = next(n for n, pair in enumerate(zip(found, shapes, strict=True)) if pair[0] != pair[1])
    raise PlaneError(
        f"{shown} is of a different network: its tensor {number} has the shape {found[number]};"
        f" {names[number]} has {shapes[number]}."
    )


Shapes = tuple[list[str], list[tuple[int, ...]]]


def _shapes(objective: Objective) -> tuple[Shapes, Shapes]:
    """Names and shapes of the parameters, and of the tensors of the state dictionary."""
    if not isinstance(objective, ModelObjective):
        blocks = objective.layout.blocks
        both = [block.name for block in blocks], [block.shape for block in blocks]
        return both, both
    module = objective.module
    own = dict(module.named_parameters())
    names_of = {id(one): name for name, one in own.items()}
    kept: dict[str, tuple[int, ...]] = {}
    names, shapes = [], []
    for key, value in module.state_dict(keep_vars=True).items():
        if isinstance(value, Tensor):
            names.append(names_of.get(id(value), key))  # a tied one by its first name
            shapes.append(tuple(value.shape))
    kept = {name: tuple(one.shape) for name, one in own.items()}
    return (list(kept), list(kept.values())), (names, shapes)


def _by_name(names: Sequence[str], tensors: Direction, shown: str) -> dict[str, Tensor]:
    """The tensors by name; of a tied one there may be several, which are equal."""
    found: dict[str, Tensor] = {}
    for name, values in zip(names, tensors, strict=True):
        if not np.isfinite(values).all():
            raise FileFormatError(f"{shown} holds NaN or infinity; directions must be finite.")
        tensor = torch.from_numpy(np.array(values, np.float64))
        if name in found and not torch.equal(found[name], tensor):
            raise PlaneError(f"{shown} moves {name}, which is tied, in two ways.")
        found[name] = tensor
    return found


def _buffers(
    named: Sequence[Mapping[str, Tensor]], own: Mapping[str, Tensor]
) -> MovingBuffers | None:
    """The buffers along the axes, whole numbers excepted; None if none moves."""
    ends = [
        {
            name: value + one[name].to(value)
            if name in one and value.is_floating_point()
            else value
            for name, value in own.items()
        }
        for one in named
    ]
    found = MovingBuffers.through(own, *ends)
    return found if found.moves else None

"""What a module or a state dictionary says of a network: its parameters and its buffers."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from landscape_core.foundation.errors import PlaneError, SpecError
from landscape_core.foundation.types import Vector
from landscape_core.models.closure_network import network_in
from landscape_core.models.fitting_state import fitting
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.state_keys import check_keys
from landscape_core.planes.moving_buffers import MovingBuffers
from landscape_core.planes.plane import Plane
from landscape_core.planes.state_differences import (
    differing_attributes,
    differing_extras,
    differing_layers,
    warning_of,
)
from landscape_core.planes.through import State, Through


@dataclass(frozen=True, eq=False)
class NetworkState:
    """The moving parameters (P,), all buffers if they are known, and which fixed tensors differ.

    `differs` names the tensors that the plane holds fixed and that are not here as they are in the
    network: with its other parameters alone this state is not reached. `attributes` names what else
    is not as it is in the network.
    """

    theta: Vector
    buffers: Mapping[str, Tensor] | None
    differs: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()


def state_in(found: State, objective: ModelObjective) -> NetworkState:
    """What a state says of an objective's network: parameters as given, buffers in its own types.

    A dictionary may be a whole checkpoint, and its keys may have a wrapper's prefix. A buffer that
    no state dictionary of the network holds is the network's own; where another is missing, the
    buffers are not known, and of a vector they are not, unless there are none.

    Raises:
        SpecError: a tensor is missing or has another shape, as that of another network, or a layer
            of a module is of another class.
    """
    network = network_in(objective.module)
    if isinstance(found, Tensor):
        if found.shape != objective.start.shape:
            accepted = f"{tuple(objective.start.shape)}"
            raise SpecError("the shape of a point", tuple(found.shape), accepted)
        return NetworkState(found.detach(), None if objective.buffers else {})
    if isinstance(found, nn.Module):
        module, found = found, {**dict(found.named_parameters()), **dict(found.named_buffers())}
        check_keys(found, network, [block.name for block in objective.layout.blocks])
        if layers := differing_layers(module, network):
            raise SpecError("the layers of a state", ", ".join(layers), "of the network's classes")
        attributes = tuple(differing_attributes(module, network))
    else:
        found = fitting(found, network, [block.name for block in objective.layout.blocks])
        attributes = tuple(differing_extras(found, network))
    fixed = {n: p for n, p in network.named_parameters() if not p.requires_grad}
    differs = tuple(n for n, p in fixed.items() if n in found and not _same(found[n], p))
    theta, buffers = objective.layout.join(found), _buffers(found, objective)
    return NetworkState(theta, buffers, differs, attributes)


def laid(given: Plane | Through, objective: ModelObjective) -> Plane:
    """The line or plane through states of an objective's network; a plane as it is.

    Raises:
        PlaneError: states of another network, that differ in what is held fixed, that coincide or
            lie on one line.
    """
    if isinstance(given, Plane):
        return given
    try:
        states = [state_in(state, objective) for state in given.states]
    except SpecError as error:
        raise PlaneError(f"a point of the plane is another network's: {error}") from error
    for number, state in enumerate(states, 1):
        if state.theta.is_complex():
            raise PlaneError(f"the points must hold real numbers; point {number} does not.")
        if state.differs:
            raise PlaneError(
                f"point {number} differs from the network in {', '.join(state.differs)}, which is"
                " held fixed; no plane of the other parameters goes through it."
            )
    points = [state.theta.to(objective.start) for state in states]
    plane = Plane.through(*points, names=given.names)
    return plane.through_states(between(states), len(states))


def between(states: Sequence[NetworkState]) -> MovingBuffers | None:
    """The buffers of each state at its point; None where those of one are not known.

    What differs between the states and does not move causes a warning.
    """
    known = [state.buffers for state in states if state.buffers is not None]
    said = warning_of(known, [name for state in states for name in state.attributes])
    if said:
        warnings.warn(said, stacklevel=3)
    return MovingBuffers.through(*known) if len(known) == len(states) else None


def _buffers(found: Mapping[str, Tensor], objective: ModelObjective) -> Mapping[str, Tensor] | None:
    kept = objective.module.state_dict().keys()
    read = {}
    for name, own in objective.buffers.items():
        value = found.get(name)
        if value is None and name in kept:
            return None
        if value is not None and value.shape != own.shape:
            raise SpecError(f"the shape of {name}", tuple(value.shape), f"{tuple(own.shape)}")
        read[name] = own if value is None else value.detach().to(own, copy=True)
    return read


def _same(given: Tensor, own: Tensor) -> bool:
    return given.shape == own.shape and torch.equal(given.detach().to(own), own.detach())

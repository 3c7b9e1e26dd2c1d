"""In what states of a network differ besides parameters and the buffers that move with them.

Masks, counters, attributes and extra state have no values between two states: all points of a
plane share those of one state, and where the states differ in them, that is said.
"""

import types
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

COUNTED = "num_batches_tracked"
"""Buffers of this name do not count: batch normalization evaluates without them."""

COMPARED = (
    *(bool, int, float, complex, str, bytes, type(None), torch.dtype, torch.device),
    *(Tensor, np.ndarray, list, tuple, dict, set, frozenset, types.FunctionType),
)
"""Types of values that are compared."""

EXTRA = "_extra_state"
"""How the key of what a module adds to its state dictionary ends."""

DIFFER = (
    "The states differ in {}, which does not move with the parameters: each point of the picture"
    " uses that of {}."
)


def warning_of(buffers: Sequence[Mapping[str, Tensor]], attributes: Sequence[str]) -> str:
    """What a warning says of buffers of the states and attributes that differ; "" where none do."""
    fixed = differing_buffers(buffers)
    said = [(fixed, "the first state")] if fixed else []
    if attributes:
        said.append((list(dict.fromkeys(attributes)), "the network that is given"))
    return " ".join(DIFFER.format(", ".join(names), whose) for names, whose in said)


def differing_buffers(states: Sequence[Mapping[str, Tensor]]) -> list[str]:
    """The buffers, with their types, that differ and do not move."""
    first, *others = states or [{}]
    return [
        f"{name} ({_word(value.dtype)})"
        for name, value in first.items()
        if not (value.is_floating_point() or value.is_complex() or name.endswith(COUNTED))
        and not all(torch.equal(other[name].to(value), value) for other in others)
    ]


def differing_layers(state: nn.Module, network: nn.Module) -> list[str]:
    """The layers that are of another class than in the network, or missing in one of the two."""
    ours, theirs = (dict(one.named_modules()) for one in (network, state))
    found = []
    for name in dict.fromkeys([*ours, *theirs]):
        kinds = [type(one[name]).__qualname__ if name in one else "none" for one in (theirs, ours)]
        if kinds[0] != kinds[1]:
            found.append(f"{name or 'the network'} ({kinds[0]} for {kinds[1]})")
    return found


def differing_attributes(state: nn.Module, network: nn.Module) -> list[str]:
    """The attributes of the layers, with the types of their values, that differ."""
    ours = dict(network.named_modules())
    found = []
    for name, part in state.named_modules():
        own = _attributes(ours[name])
        for key, value in _attributes(part).items():
            if key not in own or not _same(value, own[key]):
                found.append(f"{name}.{key}".removeprefix(".") + f" ({type(value).__name__})")
    return found


def differing_extras(state: Mapping[str, Any], network: nn.Module) -> list[str]:
    """The extra state that a state dictionary holds and that differs."""
    kept = {name for name in state if name.endswith(EXTRA)}
    own = network.state_dict() if kept else {}
    return [name for name in state if name in kept and not _same(state[name], own.get(name))]


def _attributes(part: nn.Module) -> dict[str, Any]:
    """The attributes of a layer that its evaluation may look at.

    Left out are those that torch itself holds, and those that are computed from parameters, as the
    weight of a layer under `torch.nn.utils.weight_norm` or the list of an LSTM's weights.
    """
    if isinstance(part, nn.modules.dropout._DropoutNd):
        return {}
    torch_own, parameters = vars(nn.Module()).keys(), [name for name, _ in part.named_parameters()]
    return {
        name: value
        for name, value in vars(part).items()
        if name not in torch_own
        and name != "_flat_weights"
        and not any(one.startswith(f"{name}_") for one in parameters)
        and not (isinstance(value, Tensor) and value.grad_fn is not None)
    }


def _same(one: Any, other: Any) -> bool:
    """Whether two values are the same, as far as can be seen; others are not compared."""
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return one.shape == other.shape and torch.equal(one.detach().to(other), other.detach())
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return np.array_equal(one, other)
    if isinstance(one, types.FunctionType) and isinstance(other, types.FunctionType):
        return one.__code__ == other.__code__
    if type(one) is not type(other):
        return not _compared(one) and not _compared(other)
    if isinstance(one, Mapping):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, types.BuiltinFunctionType):
        return one is other or one.__qualname__ == other.__qualname__
    return not _compared(one) or one == other or one != one


def _compared(value: Any) -> bool:
    return isinstance(value, COMPARED)


def _word(kind: torch.dtype) -> str:
    return str(kind).removeprefix("torch.")

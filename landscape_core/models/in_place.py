"""A network called with other values in the parameters that it has, not with others in their place.

Whoever refers to the parameters, a list, a closure, or a backward pass that computes activations
anew, then sees these values too. Each call has a copy of the network to itself, so that several
graphs can be kept at a time.
"""

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn


def call_in_place(
    module: nn.Module, tensors: Mapping[str, Tensor], buffers: dict[str, Tensor], inputs: Tensor
) -> Any:
    """What the module gives with these values in its parameters, differentiable by the tensors.

    Args:
        module: is copied, with its mode.
        tensors: the values of parameters, by name.
        buffers: the values of its buffers, by name; changed as the call changes them.
        inputs: what it is called with.
    """
    own = copy.deepcopy(module)
    parameters = dict(own.named_parameters())
    for name, value in tensors.items():
        parameters[name].requires_grad_(False).copy_(value)  # noqa: FBT003 - its name is not public
    with torch.no_grad():
        for name, buffer in own.named_buffers():
            if name in buffers:
                buffer.copy_(buffers[name])
    found = own(inputs)
    if module.training:
        with torch.no_grad():
            for name, buffer in own.named_buffers():
                if name in buffers:
                    buffers[name].copy_(buffer)
    return found


def copied_together(*things: Any) -> tuple[Any, ...]:
    """Copies of things that may refer to each other, as a penalty on the network's weights does.

    What cannot be copied, an open file for one, is the thing itself.
    """
    try:
        return copy.deepcopy(things)
    except Exception:  # users may hold anything
        return tuple(_copied(thing) for thing in things)


def _copied(thing: Any) -> Any:
    if isinstance(thing, nn.Module):
        return copy.deepcopy(thing)
    try:
        return copy.deepcopy(thing)
    except Exception:
        return thing

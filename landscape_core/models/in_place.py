"""A network called with other values in the parameters that it has, not with others in their place.

All code that refers to the parameters, a list, a closure, or a backward pass that computes
activations anew, then sees these values too. It needs a copy of the network to itself, so that
several graphs can be kept at a time.
"""

from collections.abc import Collection, Mapping

import torch
from torch import Tensor, nn


def hold(module: nn.Module, tensors: Mapping[str, Tensor], buffers: Mapping[str, Tensor]) -> None:
    """Write values into a module's own parameters, differentiably, and into its buffers."""
    parameters = dict(module.named_parameters())
    for name, value in tensors.items():
        parameters[name].requires_grad_(False).copy_(value)  # noqa: FBT003 - it has no name
    with torch.no_grad():
        for name, buffer in module.named_buffers():
            if name in buffers:
                buffer.copy_(buffers[name])


def fixed_but(
    module: nn.Module, tensors: Mapping[str, Tensor], names: Collection[str]
) -> nn.Module:
    """The module, holding these values, of which the named parameters alone can be trained."""
    for name, parameter in module.named_parameters():
        if name in tensors:
            parameter.data.copy_(tensors[name])
            parameter.requires_grad_(name in names)
    return module


def hand_back(module: nn.Module, buffers: Mapping[str, Tensor]) -> None:
    """Write the values of a module's buffers to others."""
    with torch.no_grad():
        for name, buffer in module.named_buffers():
            if name in buffers:
                buffers[name].copy_(buffer)

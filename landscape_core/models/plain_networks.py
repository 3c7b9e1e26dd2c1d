"""Networks made of torch's own layers alone, of which it is known how they can be called."""

from typing import Any

from torch import nn

from landscape_core.models import activations
from landscape_core.models.loss_function import is_library_loss

LAYERS = frozenset(
    {
        *(nn.Sequential, nn.Flatten, nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d),
        *activations.LAYERS,
        *(nn.MaxPool1d, nn.MaxPool2d, nn.AvgPool1d, nn.AvgPool2d, nn.AdaptiveAvgPool2d),
        *(nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.LayerNorm, nn.GroupNorm),
        *(nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d),
    }
)
"""Layers, by their exact class, whose `forward` reads the parameters in the places of the layer."""


def as_written(module: nn.Module) -> bool:
    """Whether calling a module is calling the forward of its class: no hooks, no other forward."""
    hooked = module._forward_hooks or module._forward_pre_hooks
    called = type(module).__call__ is nn.Module.__call__
    return called and not hooked and "forward" not in vars(module)


def is_plain(module: nn.Module, loss: Any, adapter: Any) -> bool:
    """Whether nothing but torch's own layers is called, and the loss is one of torch or of ours.

    Such a network gives the same with other tensors in the place of its parameters.
    """
    return adapter is None and is_plain_loss(loss) and is_plain_network(module)


def is_plain_loss(loss: Any) -> bool:
    """Whether a loss is one of torch or of ours, as it is written."""
    if isinstance(loss, nn.Module) and not (as_written(loss) and not list(loss.children())):
        return False
    return is_library_loss(loss)


def is_plain_network(module: nn.Module) -> bool:
    """Whether nothing but torch's own layers is called, which refer to nothing else."""
    return all(_is_plain_layer(one) for one in module.modules())


def _is_plain_layer(layer: nn.Module) -> bool:
    hooked = layer._backward_hooks or layer._backward_pre_hooks
    return type(layer) in LAYERS and as_written(layer) and not hooked

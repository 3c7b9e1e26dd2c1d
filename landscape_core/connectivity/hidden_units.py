"""The hidden units of a network that is a chain of layers, and the tensors in which they appear.

A permutation is a tensor of indices (units,): unit i of the result is unit `order[i]` of what was.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jaxtyping import Int
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from landscape_core.foundation.errors import SpecError
from landscape_core.models import activations
from landscape_core.models.closure_network import network_in
from landscape_core.models.layer_chain import chain_of
from landscape_core.models.network_blocks import Residual, ScaledLinear
from landscape_core.models.network_objective import ModelObjective

Permutation = Int[Tensor, " _"]

DENSE = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, ScaledLinear)
"""Layers that mix all their inputs: before and after one, units can be ordered separately."""

BATCH = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
INSTANCE = (nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d)
CHANNELWISE = (*BATCH, *INSTANCE, nn.LayerNorm, nn.GroupNorm, nn.PReLU)
"""Layers whose parameters and statistics, if any, belong to units."""

ELEMENTWISE = (
    *activations.LAYERS,
    *(nn.ReLU6, nn.SELU, nn.CELU, nn.Mish, nn.Softsign, nn.LogSigmoid, nn.Tanhshrink),
    *(nn.Hardtanh, nn.Hardsigmoid, nn.Hardswish, nn.Hardshrink, nn.Softshrink),
    *(nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout),
)
POOLING = (
    *(nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d, nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d),
    *(nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d),
    *(nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d),
)
UNITWISE = frozenset(ELEMENTWISE + POOLING)
"""Layers that treat each unit by itself and all alike; pooling over places only."""

ACCEPTED = (
    "a chain of linear or convolutional layers with activations, pooling, flattening and"
    " normalization between them, without skips or shared, frozen,"
    " grouped or parametrized weights"
)


@dataclass(frozen=True)
class Use:
    """A tensor that holds the units of a layer along a dimension, in one or more rows each."""

    name: str
    dim: int


@dataclass(frozen=True)
class Units:
    """The units of one hidden layer, and the parameters and buffers in which they appear."""

    size: int
    uses: list[Use] = field(default_factory=list)


def hidden(objective: ModelObjective) -> list[Units]:
    """The hidden layers of a network, in their order.

    Raises:
        SpecError: a network whose structure cannot be followed.
    """
    module = network_in(objective.module)
    layers = _layers(objective)
    names = {id(part): name for name, part in module.named_modules()}
    dense = [i for i, layer in enumerate(layers) if type(layer) in DENSE]
    found: list[Units] = []
    # What stands before the first of them or behind the last permutes nothing.
    for begin, end in itertools.pairwise(dense):
        units = Units(layers[begin].get_parameter("weight").shape[0])
        for layer in layers[begin : end + 1]:
            dim = 1 if layer is layers[end] else 0
            tensors = _tensors(layer, dim)
            rows = [tensor.shape[dim] % units.size for tensor in tensors.values()]
            if not _alike(layer, units.size) or any(rows):
                raise refused(module, f"has {layer}, which does not treat its inputs alike")
            units.uses.extend(Use(f"{names[id(layer)]}.{name}", dim) for name in tensors)
        found.append(units)
    return found


def _layers(objective: ModelObjective) -> list[nn.Module]:
    """The layers in their order; raises `SpecError` if they are no chain."""
    module = network_in(objective.module)
    named = dict(module.named_parameters(remove_duplicate=False))
    if {block.name for block in objective.layout.blocks} != set(named):
        raise refused(module, "has frozen or shared parameters")
    chain = chain_of(module)
    if chain is None:
        raise refused(module, "is no chain of layers")
    layers = list(_without_blocks(chain))
    if any(is_parametrized(layer) for layer in layers):
        raise refused(module, "has parametrized weights")
    own = [id(layer) for layer in layers if next(layer.parameters(), None) is not None]
    if len(set(own)) < len(own):
        raise refused(module, "uses a layer twice")
    return layers


def _alike(layer: Any, size: int) -> bool:
    """Whether a layer gives the same, in another order, if its inputs or outputs change order."""
    kind = type(layer)
    if kind is nn.Flatten:
        return bool((layer.start_dim, layer.end_dim) == (1, -1))
    if kind is nn.GroupNorm:
        return bool(layer.num_groups in (1, size))
    grouped = kind in DENSE and getattr(layer, "groups", 1) != 1
    return (kind in DENSE or kind in CHANNELWISE or kind in UNITWISE) and not grouped


def _tensors(layer: nn.Module, dim: int) -> dict[str, Tensor]:
    """The parameters and buffers of a layer that hold units along a dimension."""
    own = (*layer.named_parameters(recurse=False), *layer.named_buffers(recurse=False))
    # Along the second dimension stand the inputs of a dense layer. A single number is of no unit.
    return {name: tensor for name, tensor in own if tensor.ndim > dim and tensor.numel() > 1}


def _without_blocks(layers: Sequence[nn.Module]) -> Iterator[nn.Module]:
    """The layers with our residual blocks opened, where their skips are off."""
    for layer in layers:
        if type(layer) is Residual and not layer.skips:
            yield from _without_blocks(chain_of(layer.branch) or [layer.branch])
            yield layer.activation
        else:
            yield layer


def reordered(tensors: Mapping[str, Tensor], units: Units, order: Permutation) -> dict[str, Tensor]:
    """The tensors with a layer's units in another order wherever they appear."""
    moved = dict(tensors)
    for use in units.uses:
        if use.name in moved:
            blocks = moved[use.name].unflatten(use.dim, (units.size, -1))
            chosen = blocks.index_select(use.dim, order.to(blocks.device))
            moved[use.name] = chosen.flatten(use.dim, use.dim + 1)
    return moved


def refused(module: nn.Module, why: str) -> SpecError:
    """The error about a network whose structure cannot be followed."""
    return SpecError("the network to align", f"{type(module).__name__}, which {why}", ACCEPTED)

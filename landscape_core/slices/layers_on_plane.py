"""What the layers of a network are at many points of a plane at once.

Values are held as (K, C, n), examples last, for K points and n examples.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from landscape_core.models.activations import KNOWN
from landscape_core.models.layer_chain import chain_of
from landscape_core.models.network_blocks import Residual
from landscape_core.models.network_objective import ModelObjective
from landscape_core.slices.affine_parameters import Affine, Rows
from landscape_core.slices.scratch_buffers import ScratchBuffers

ELEMENTWISE: dict[type[nn.Module], Callable[[Tensor], Tensor] | None] = {
    nn.Dropout: lambda values: values,  # does nothing outside training
    **{one.layer: one.in_place for one in KNOWN},
}
"""Layers of single values, and their form in place (None: the module itself is called)."""

Map = Callable[[Tensor], Tensor]
"""Values (K, C, n) -> values (K, C', n), at certain points."""


Layer = Callable[[Tensor, ScratchBuffers], Map]
"""K points as `in_parts` gives them -> what the layer does there."""


def known_chain(module: nn.Module) -> list[nn.Module] | None:
    """The layers in their order; None if one of them is not known."""
    parts = chain_of(module)
    return parts if parts is not None and all(_known(part) for part in parts) else None


def _known(module: Any) -> bool:
    kind = type(module)
    if kind is Residual:
        inner = (module.branch, module.shortcut, module.activation)
        # A flattening inside a block would mean another shape than ours.
        return all(
            (parts := known_chain(part)) is not None
            and not any(isinstance(leaf, nn.Flatten) for leaf in parts)
            for part in inner
        )
    if kind is nn.Flatten:
        return bool(module.start_dim == 1 and module.end_dim == -1)
    if kind is nn.LayerNorm:
        return len(module.normalized_shape) == 1
    return kind in LAYERS or kind in ELEMENTWISE


def leading(parts: Sequence[nn.Module]) -> int:
    """How many parts come before the first that has parameters or statistics."""
    kinds = (nn.Flatten, *ELEMENTWISE)
    return next((i for i, part in enumerate(parts) if type(part) not in kinds), len(parts))


def compiled(
    parts: Sequence[nn.Module], objective: ModelObjective, affine: Affine
) -> tuple[Tensor, list[Layer]]:
    """The first layer's products with the data (1 + D, C, N), and the layers behind it."""
    before = leading(parts)
    inputs = objective.inputs
    first: Any = parts[before]
    with torch.no_grad():
        for part in parts[:before]:
            # Some work in place, and these are the objective's own data.
            inputs = part(inputs.clone())
        values = affine.rows(first.weight) @ inputs.T
        if first.bias is not None:
            values += affine.rows(first.bias)[:, :, None]
    return values, _layers(parts[before + 1 :], affine)


def _layers(parts: Sequence[nn.Module], affine: Affine) -> list[Layer]:
    return [_layer(part, affine) for part in parts]


def _layer(module: nn.Module, affine: Affine) -> Layer:
    kind = type(module)
    if kind in LAYERS:
        return LAYERS[kind](module, affine)
    in_place = ELEMENTWISE.get(kind)
    if in_place is not None:
        return lambda *_: in_place
    if kind is nn.Flatten:  # of vectors: does nothing
        return lambda *_: lambda values: values
    return lambda *_: lambda values: module(values)


def _linear(module: Any, affine: Affine) -> Layer:
    weight = Rows(affine.rows(module.weight))
    bias = Rows(affine.rows(module.bias)) if module.bias is not None else None

    def layer(steps: Tensor, buffers: ScratchBuffers) -> Map:
        matrices = weight.at(steps)
        shifts = None if bias is None else bias.at(steps)[:, :, None]
        count, outputs, _ = matrices.shape

        def product(values: Tensor) -> Tensor:
            found = buffers.place(values, count, outputs, values.shape[2])
            if shifts is None:
                return torch.bmm(matrices, values, out=found)
            return torch.baddbmm(shifts, matrices, values, out=found)

        return product

    return layer


def _layer_norm(module: nn.LayerNorm, affine: Affine) -> Layer:
    return _normalization(module, 1, affine, module.normalized_shape[0])


def _group_norm(module: nn.GroupNorm, affine: Affine) -> Layer:
    return _normalization(module, module.num_groups, affine, module.num_channels)


def _normalization(
    module: nn.LayerNorm | nn.GroupNorm, groups: int, affine: Affine, channels: int
) -> Layer:
    """Each example over groups of its channels."""
    scaled = _scaled(affine.gain_and_shift(module))

    def layer(steps: Tensor, buffers: ScratchBuffers) -> Map:
        scale = scaled(steps, buffers)

        def normalize(values: Tensor) -> Tensor:
            grouped = values.view(len(values), groups, channels // groups, -1)
            normal = _standardized(grouped, grouped.mean(dim=2, keepdim=True), 2, module.eps)
            return scale(normal.view_as(values))

        return normalize

    return layer


def _batch_norm(module: nn.BatchNorm1d, affine: Affine) -> Layer:
    """Each channel over the examples, or by the statistics of the centre."""
    scaled = _scaled(affine.gain_and_shift(module))
    stored = affine.statistics(module)

    def layer(steps: Tensor, buffers: ScratchBuffers) -> Map:
        scale = scaled(steps, buffers)

        def normalize(values: Tensor) -> Tensor:
            if stored is None:
                mean = values.mean(dim=2, keepdim=True)
                return scale(_standardized(values, mean, 2, module.eps))
            mean, variance = stored
            return scale((values - mean).mul_((variance + module.eps).rsqrt()))

        return normalize

    return layer


def _standardized(values: Tensor, mean: Tensor, dim: int, eps: float) -> Tensor:
    centred = values - mean
    variance = centred.square().mean(dim=dim, keepdim=True)
    return centred.mul_((variance + eps).rsqrt_())


def _scaled(gain_and_shift: tuple[Rows, ...]) -> Layer:
    if not gain_and_shift:
        return lambda *_: lambda values: values
    gain, shift = gain_and_shift

    def layer(steps: Tensor, _: ScratchBuffers) -> Map:
        gains, shifts = gain.at(steps)[:, :, None], shift.at(steps)[:, :, None]
        return lambda values: values.mul_(gains).add_(shifts)

    return layer


def _residual(module: Residual, affine: Affine) -> Layer:
    branch, shortcut, activation = (
        _layers(chain_of(inner) or (), affine)
        for inner in (module.branch, module.shortcut, module.activation)
    )

    def layer(steps: Tensor, buffers: ScratchBuffers) -> Map:
        own = buffers.within() if module.skips else buffers
        along, after = ([one(steps, own) for one in part] for part in (branch, activation))
        beside = [one(steps, buffers) for one in shortcut]

        def block(values: Tensor) -> Tensor:
            if not module.skips:
                return through(after, through(along, values))
            # Layers may work in place, and the values are needed twice.
            found = through(along, own.place(values, *values.shape).copy_(values))
            return through(after, found.add_(through(beside, values)))

        return block

    return layer


def through(maps: Sequence[Map], values: Tensor) -> Tensor:
    """The values behind maps that follow each other."""
    for one in maps:
        values = one(values)
    return values


LAYERS: dict[type[nn.Module], Callable[[Any, Affine], Layer]] = {
    nn.Linear: _linear,
    nn.LayerNorm: _layer_norm,
    nn.GroupNorm: _group_norm,
    nn.BatchNorm1d: _batch_norm,
    Residual: _residual,
}
"""How each kind of layer with parameters becomes a function of coordinates and values."""

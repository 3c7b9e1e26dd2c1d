"""Many points at once, by the algebra that a plane allows.

Along a plane every parameter is affine in the coordinates. So the first layer's product with the
data is computed once for the origin and once for each axis, and at a point it is their combination;
further layers are batched matrix products over the points. Values are held as (K, C, N), examples
last, where sums over few classes are fast; measures see them as (K, N, C), without a copy.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from landscape_core.architectures._parts import Residual
from landscape_core.losses.base import Loss
from landscape_core.measures.base import Measure
from landscape_core.objective import ModelObjective
from landscape_core.planes import Plane
from landscape_core.strategies.base import Reader, Strategy

CACHE_BYTES = 2**21
"""What the values of one layer may take per thread, so that they stay in the processor's cache."""

DEVICE_BYTES = 2**28
"""The same on a graphics card, which wants much at once."""

ELEMENTWISE: dict[type[nn.Module], Callable[[Tensor], Tensor] | None] = {
    nn.Identity: lambda values: values,
    nn.Dropout: lambda values: values,  # does nothing outside training
    nn.ReLU: torch.relu_,
    nn.Tanh: torch.tanh_,
    nn.Sigmoid: torch.sigmoid_,
    nn.LeakyReLU: None,
    nn.ELU: None,
    nn.GELU: None,
    nn.SiLU: None,
    nn.Softplus: None,
}
"""Activations by their exact class, and their form in place (None: the module itself is called)."""

Layer = Callable[[Tensor, Tensor], Tensor]
"""(coordinates after a leading 1, (K, 1 + D); values (K, C, N)) -> values (K, C', N)."""


@dataclass(frozen=True, kw_only=True)
class PlaneAlgebra(Strategy):
    """Evaluates multilayer perceptrons, plain or residual, many points at a time."""

    def applies(self, objective: ModelObjective, plane: Plane) -> bool:
        del plane
        parts = _parts(objective.module)
        if parts is None or not isinstance(objective.loss_function, Loss):
            return False
        leading = _leading(parts)
        flattens = any(isinstance(part, nn.Flatten) for part in parts[:leading])
        flat = flattens or objective.inputs.ndim == 2
        return flat and leading < len(parts) and type(parts[leading]) is nn.Linear

    def reader(
        self, objective: ModelObjective, plane: Plane, measures: Sequence[Measure]
    ) -> Reader:
        loss, targets = objective.loss_function, objective.targets
        parts = _parts(objective.module)
        if parts is None or not isinstance(loss, Loss):
            raise TypeError("plane algebra does not apply to this network or loss")
        first, layers = _compiled(parts, objective, _Affine(objective, plane))
        chunk = _chunk(objective, first)

        def read(coords: Tensor) -> Tensor:
            ones = coords.new_ones(len(coords), 1)
            steps = torch.cat([ones, coords], dim=1).to(first)
            found = []
            with torch.no_grad():
                for step in steps.split(chunk):
                    values = (step @ first).view(len(step), -1, objective.examples)
                    outputs = _through(layers, step, values).transpose(1, 2)
                    read = [m.per_example(outputs, targets, loss).mean(dim=-1) for m in measures]
                    found.append(torch.stack(read))
            return torch.cat(found, dim=1)

        return read


def _chunk(objective: ModelObjective, first: Tensor) -> int:
    """How many points at a time, by the widest values and weights that a point needs."""
    widths = [p.shape[0] for p in objective.module.parameters() if p.ndim == 2]
    weights = max(p.numel() for p in objective.module.parameters())
    one = max(objective.examples * max(widths), weights) * first.element_size()
    on_card = first.device.type != "cpu"
    return max(1, (DEVICE_BYTES if on_card else CACHE_BYTES * torch.get_num_threads()) // one)


def _parts(module: nn.Module) -> list[nn.Module] | None:
    """The layers in their order, nested sequences opened; None if one of them is not known."""
    if module._forward_hooks or module._forward_pre_hooks:
        return None
    if type(module) is nn.Sequential:
        opened = [_parts(part) for part in module]
        known = [parts for parts in opened if parts is not None]
        return [part for parts in known for part in parts] if len(known) == len(opened) else None
    return [module] if _known(module) else None


def _known(module: Any) -> bool:
    kind = type(module)
    if kind is Residual:
        inner = (module.branch, module.shortcut, module.activation)
        # A flattening inside a block would mean another shape than ours.
        return all(
            (parts := _parts(part)) is not None
            and not any(isinstance(leaf, nn.Flatten) for leaf in parts)
            for part in inner
        )
    if kind is nn.Flatten:
        return bool(module.start_dim == 1 and module.end_dim == -1)
    if kind is nn.LayerNorm:
        return len(module.normalized_shape) == 1
    return kind in LAYERS or kind in ELEMENTWISE


def _leading(parts: Sequence[nn.Module]) -> int:
    """How many parts come before the first that has parameters or statistics."""
    kinds = (nn.Flatten, *ELEMENTWISE)
    return next((i for i, part in enumerate(parts) if type(part) not in kinds), len(parts))


class _Affine:
    """What the parameters and statistics of a network are along a plane."""

    def __init__(self, objective: ModelObjective, plane: Plane) -> None:
        rows = torch.cat([plane.origin[None], plane.axes])
        blocks = {block.name: block for block in objective.layout.blocks}
        self._moving = {
            id(parameter): blocks[name].of(rows)
            for name, parameter in objective.module.named_parameters()
            if name in blocks
        }
        self._buffers = {
            id(buffer): objective.buffers[name] for name, buffer in objective.module.named_buffers()
        }
        self._count = len(rows)
        self.uses_batch = objective.batch_norm == "batch"

    def rows(self, parameter: Tensor) -> Tensor:
        """A parameter at the origin and its change along each axis, (1 + D, ...)."""
        if id(parameter) in self._moving:
            return self._moving[id(parameter)]
        fixed = parameter.detach()[None]
        return torch.cat([fixed, fixed.new_zeros(self._count - 1, *fixed.shape[1:])])

    def at(self, parameter: Tensor) -> Callable[[Tensor], Tensor]:
        """From K steps to the values of the parameter there, (K, ...)."""
        rows = self.rows(parameter)
        flat, shape = rows.reshape(len(rows), -1), rows.shape[1:]
        return lambda step: (step @ flat).view(len(step), *shape)

    def gain_and_shift(self, module: Any) -> tuple[Callable[[Tensor], Tensor], ...]:
        """The gain and the shift of a normalization layer as functions of the steps, if any."""
        if module.weight is None or module.bias is None:
            return ()
        return self.at(module.weight), self.at(module.bias)

    def statistics(self, module: nn.BatchNorm1d) -> tuple[Tensor, Tensor] | None:
        """The stored mean and variance (C, 1); None where the examples' own are used."""
        mean, variance = module.running_mean, module.running_var
        if self.uses_batch or mean is None or variance is None:
            return None
        return self._buffers[id(mean)][:, None], self._buffers[id(variance)][:, None]


def _compiled(
    parts: Sequence[nn.Module], objective: ModelObjective, affine: _Affine
) -> tuple[Tensor, list[Layer]]:
    """The first layer's products with the data (1 + D, C * N), and the layers behind it."""
    leading = _leading(parts)
    inputs = objective.inputs
    first: Any = parts[leading]
    with torch.no_grad():
        for part in parts[:leading]:
            # Some work in place, and these are the objective's own data.
            inputs = part(inputs.clone())
        values = affine.rows(first.weight) @ inputs.T
        if first.bias is not None:
            values += affine.rows(first.bias)[:, :, None]
    return values.reshape(len(values), -1), [_layer(part, affine) for part in parts[leading + 1 :]]


def _layer(module: nn.Module, affine: _Affine) -> Layer:
    kind = type(module)
    if kind in LAYERS:
        return LAYERS[kind](module, affine)
    in_place = ELEMENTWISE.get(kind)
    if in_place is not None:
        return lambda _, values: in_place(values)
    return lambda _, values: module(values)


def _linear(module: Any, affine: _Affine) -> Layer:
    weight = affine.at(module.weight)
    if module.bias is None:
        return lambda step, values: torch.bmm(weight(step), values)
    bias = affine.at(module.bias)
    return lambda step, values: torch.baddbmm(bias(step)[:, :, None], weight(step), values)


def _layer_norm(module: nn.LayerNorm, affine: _Affine) -> Layer:
    return _normalization(module, 1, affine, module.normalized_shape[0])


def _group_norm(module: nn.GroupNorm, affine: _Affine) -> Layer:
    return _normalization(module, module.num_groups, affine, module.num_channels)


def _normalization(
    module: nn.LayerNorm | nn.GroupNorm, groups: int, affine: _Affine, channels: int
) -> Layer:
    """Each example over groups of its channels."""
    scaled = _scaled(affine.gain_and_shift(module))

    def normalize(step: Tensor, values: Tensor) -> Tensor:
        grouped = values.view(len(values), groups, channels // groups, -1)
        normal = _standardized(grouped, grouped.mean(dim=2, keepdim=True), 2, module.eps)
        return scaled(step, normal.view_as(values))

    return normalize


def _batch_norm(module: nn.BatchNorm1d, affine: _Affine) -> Layer:
    """Each channel over the examples, or by the statistics of the centre."""
    scaled = _scaled(affine.gain_and_shift(module))
    stored = affine.statistics(module)

    def normalize(step: Tensor, values: Tensor) -> Tensor:
        if stored is None:
            mean = values.mean(dim=2, keepdim=True)
            return scaled(step, _standardized(values, mean, 2, module.eps))
        mean, variance = stored
        return scaled(step, (values - mean).mul_((variance + module.eps).rsqrt()))

    return normalize


def _standardized(values: Tensor, mean: Tensor, dim: int, eps: float) -> Tensor:
    centred = values - mean
    variance = centred.square().mean(dim=dim, keepdim=True)
    return centred.mul_((variance + eps).rsqrt_())


def _scaled(gain_and_shift: tuple[Callable[[Tensor], Tensor], ...]) -> Layer:
    if not gain_and_shift:
        return lambda _, values: values
    gain, shift = gain_and_shift
    return lambda step, values: values.mul_(gain(step)[:, :, None]).add_(shift(step)[:, :, None])


def _residual(module: Residual, affine: _Affine) -> Layer:
    branch, shortcut, activation = (
        [_layer(part, affine) for part in _parts(inner) or ()]
        for inner in (module.branch, module.shortcut, module.activation)
    )

    def block(step: Tensor, values: Tensor) -> Tensor:
        # Layers may work in place, and with a skip the values are needed twice.
        found = _through(branch, step, values.clone() if module.skips else values)
        if module.skips:
            found = found.add_(_through(shortcut, step, values))
        return _through(activation, step, found)

    return block


def _through(layers: Sequence[Layer], step: Tensor, values: Tensor) -> Tensor:
    for layer in layers:
        values = layer(step, values)
    return values


LAYERS: dict[type[nn.Module], Callable[[Any, _Affine], Layer]] = {
    nn.Linear: _linear,
    nn.LayerNorm: _layer_norm,
    nn.GroupNorm: _group_norm,
    nn.BatchNorm1d: _batch_norm,
    Residual: _residual,
}
"""How each kind of layer with parameters becomes a function of coordinates and values."""

"""Many points at once, by the algebra that a plane allows.

Along a plane every parameter is affine in the coordinates. So the first layer's product with the
data is computed once for the origin and once for each axis, and at a point it is their combination;
further layers are batched matrix products over the points. Values are held as (K, C, n), examples
last, for K points and n examples at a time, few enough to stay in the processor's cache. Between
two linear layers with an elementwise activation a further row of ones carries the bias, which then
costs no pass of its own.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from landscape_core.architectures._parts import Residual
from landscape_core.machine import free_memory
from landscape_core.objective import ModelObjective
from landscape_core.planes import Plane
from landscape_core.strategies._chains import chain_of
from landscape_core.strategies._swift import SHARE
from landscape_core.strategies.base import Reader, Reading, Strategy, exactly

CACHE_BYTES = 5 * 2**18
"""What the values of one layer may take per thread: near the processor, yet worth a call."""

DEVICE_BYTES = 2**30
"""The same on a graphics card, which wants much at once."""

EXAMPLES = 128
"""Examples at a time where all of them are many: whole vectors of a processor."""

TOGETHER = 8
"""Points at a time for each thread of a processor, at least, where there is room for them."""

MOST = 256
"""Points at a time, at most, on a processor."""

VECTOR = 16
"""Numbers that a processor computes with at a time, in float32."""

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

Map = Callable[[Tensor], Tensor]
"""Values (K, C, n) -> values (K, C', n), at certain points."""


class Desk:
    """Where layer after layer puts its values: in two pieces of memory, turn about.

    They stay in the processor's cache, which new memory for each layer would not.
    """

    def __init__(self) -> None:
        self._pieces = [torch.empty(0), torch.empty(0)]
        self._turn = 0
        self._views: dict[tuple[int, ...], Tensor] = {}

    def place(self, like: Tensor, *shape: int) -> Tensor:
        """A tensor of that shape, not filled, which lasts until the next but one is taken."""
        self._turn = 1 - self._turn
        found = self._views.get((self._turn, *shape))
        if found is None:
            found = self._views[self._turn, *shape] = self._view(like, shape)
        return found

    def _view(self, like: Tensor, shape: tuple[int, ...]) -> Tensor:
        size = math.prod(shape)
        if self._pieces[self._turn].shape[0] < size:
            self._pieces[self._turn] = like.new_empty(size)
            self._views = {at: view for at, view in self._views.items() if at[0] != self._turn}
        return self._pieces[self._turn][:size].view(shape)


Layer = Callable[[Tensor, Desk], Map]
"""Coordinates after a leading 1, (K, 1 + D) -> what the layer does at these points."""


@dataclass(frozen=True, kw_only=True)
class PlaneAlgebra(Strategy):
    """Evaluates multilayer perceptrons, plain or residual, many points at a time."""

    def applies(self, reading: Reading) -> bool:
        objective = reading.objective
        parts = _known_chain(objective.module)
        reestimates = objective.normalizes and objective.batch_norm == "reestimated"
        if parts is None or reading.wants_gradient or reestimates or objective.adapter:
            return False
        leading = _leading(parts)
        flattens = any(isinstance(part, nn.Flatten) for part in parts[:leading])
        flat = flattens or objective.inputs.ndim == 2
        if not flat or leading == len(parts) or type(parts[leading]) is not nn.Linear:
            return False
        return _first_bytes(reading) < SHARE * free_memory(objective.start.device)

    def memory(self, reading: Reading) -> int:
        objective, held = reading.objective, _first_bytes(reading)
        blocks = 4 * max(held // objective.examples, CACHE_BYTES * torch.get_num_threads())
        return held + blocks

    def together(self, reading: Reading) -> int:
        objective = reading.objective
        return _together(_sizes(objective)[0])

    def reader(self, reading: Reading) -> Reader:
        objective = reading.objective
        parts = _known_chain(objective.module)
        if parts is None:
            raise TypeError("plane algebra does not apply to this network")
        first, layers = _compiled(parts, objective, _Affine(objective, reading.plane))
        points, sizes = _sizes(objective)
        blocks = _blocks(first, sizes)

        def read(coords: Tensor) -> Tensor:
            # Products of few rows round otherwise; filled up, a point's value never depends on how
            # many others it is computed with.
            count = coords.shape[0]
            steps = first.new_ones(count + -count % _together(points), 1 + coords.shape[1])
            steps[:, 1:] = 0
            steps[:count, 1:] = coords
            found = []
            desk = Desk()
            with exactly(reading):
                for step in steps.split(_evenly(steps.shape[0], points)):
                    maps = [layer(step, desk) for layer in layers]
                    parts = _parts(step)
                    pieces = (_through(maps, _products(parts, block, desk)) for block in blocks)
                    found.append(reading.values(_joined(pieces, sizes).transpose(1, 2)))
            return torch.cat(found, dim=1)[:, :count]

        return read


def _together(points: int) -> int:
    """How many points are computed at a time, at least, where `points` are at most."""
    return min(points, TOGETHER * torch.get_num_threads())


def _evenly(count: int, points: int) -> int:
    """How many points at a time, so that no rest is small; a multiple of what goes together."""
    times, together = -(-count // points), _together(points)
    return -(-count // (times * together)) * together


def _first_bytes(reading: Reading) -> int:
    """What the first layer's products with the data take."""
    width = max(p.shape[0] for p in reading.objective.module.parameters())
    values = (1 + reading.plane.dimensions) * width * reading.objective.examples
    return values * reading.objective.start.element_size()


def _blocks(first: Tensor, sizes: list[int]) -> list[Tensor]:
    """Blocks of n examples, each (1 + D, C, n); of several the last is filled up with zeros."""
    pieces = list(first.split(sizes, dim=2))
    if len(pieces) > 1:
        pieces[-1] = torch.nn.functional.pad(pieces[-1], (0, -sizes[-1] % VECTOR))
    return [piece.contiguous() for piece in pieces]


def _joined(pieces: Iterator[Tensor], sizes: list[int]) -> Tensor:
    """The values of all examples, without what filled up the last block beyond its own."""
    first = next(pieces)
    if len(sizes) == 1:
        return first
    joined = first.new_empty(*first.shape[:2], sum(sizes))
    for place, piece in zip(joined.split(sizes, dim=2), chain([first], pieces), strict=True):
        place.copy_(piece[..., : place.shape[2]])
    return joined


def _products(parts: Tensor, block: Tensor, desk: Desk) -> Tensor:
    """The first layer's values (K, C, n) at K steps, in parts of a few steps each.

    On a processor the parts are few: then each thread finds in its own cache what it works on next,
    and the product, which has hardly anything to sum, is several times faster than whole.
    """
    count, each = parts.shape[:2]
    rows = block.flatten(1)
    found = desk.place(block, count, each, rows.shape[1])
    return torch.bmm(parts, rows.expand(count, -1, -1), out=found).view(-1, *block.shape[1:])


def _parts(step: Tensor) -> Tensor:
    """Steps (K, 1 + D) in parts that are multiplied together, (count, each, 1 + D)."""
    count = step.shape[0]
    each = TOGETHER if step.device.type == "cpu" and count % TOGETHER == 0 else count
    return step.view(-1, each, step.shape[1])


def _sizes(objective: ModelObjective) -> tuple[int, list[int]]:
    """How many points are computed at a time, and of how many of their examples."""
    widths = [p.shape[0] for p in objective.module.parameters() if p.ndim == 2]
    weights = max(p.numel() for p in objective.module.parameters())
    total, each = objective.examples, objective.start.element_size()
    if objective.start.device.type != "cpu":
        return max(1, DEVICE_BYTES // (max(total * max(widths), weights) * each)), [total]
    whole = objective.normalizes and objective.batch_norm == "batch"
    blocks = 1 if whole or total <= 4 * EXAMPLES else total // EXAMPLES
    sizes = [EXAMPLES] * (blocks - 1)
    sizes.append(total - sum(sizes))
    threads = torch.get_num_threads()
    one = max(sizes[0] * max(widths), weights) * each
    points = min(MOST, CACHE_BYTES * threads // one)
    together = TOGETHER * threads
    return (points // together * together or max(1, points // threads) * threads), sizes


def _known_chain(module: nn.Module) -> list[nn.Module] | None:
    """The layers in their order; None if one of them is not known."""
    parts = chain_of(module)
    return parts if parts is not None and all(_known(part) for part in parts) else None


def _known(module: Any) -> bool:
    kind = type(module)
    if kind is Residual:
        inner = (module.branch, module.shortcut, module.activation)
        # A flattening inside a block would mean another shape than ours.
        return all(
            (parts := _known_chain(part)) is not None
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
        return lambda step: (step @ flat).view(step.shape[0], *shape)

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
    """The first layer's products with the data (1 + D, C, N), and the layers behind it."""
    leading = _leading(parts)
    inputs = objective.inputs
    first: Any = parts[leading]
    rest = parts[leading + 1 :]
    with torch.no_grad():
        for part in parts[:leading]:
            # Some work in place, and these are the objective's own data.
            inputs = part(inputs.clone())
        values = affine.rows(first.weight) @ inputs.T
        if first.bias is not None:
            values += affine.rows(first.bias)[:, :, None]
        if not _carries_ones(rest):
            return values, _layers(rest, affine, None)
        ones = torch.zeros_like(values[:, :1])
        ones[0] = 1
        return torch.cat([values, ones], dim=1), _layers(rest, affine, 1.0)


def _layers(parts: Sequence[nn.Module], affine: _Affine, carried: float | None) -> list[Layer]:
    """The layers of a chain; `carried` is what the further row holds, if there is one."""
    found: list[Layer] = []
    for i, part in enumerate(parts):
        if isinstance(part, nn.Linear) and carried is not None:
            onwards = _carries_ones(parts[i + 1 :])
            found.append(_augmented(part, affine, carried, onwards=onwards))
            carried = 1.0 if onwards else None
        else:
            found.append(_layer(part, affine))
            carried = None if carried is None else _activated(part, carried)
    return found


def _carries_ones(parts: Sequence[nn.Module]) -> bool:
    """Whether elementwise activations lead to a linear layer, and keep a row of ones usable."""
    value = 1.0
    for part in parts:
        if type(part) is nn.Linear:
            return part.bias is not None and 1e-3 < abs(value) < 1e3
        if type(part) not in ELEMENTWISE:
            return False
        value = _activated(part, value)
    return False


def _activated(part: nn.Module, value: float) -> float:
    with torch.no_grad():
        return float(part(torch.tensor([value], dtype=torch.float64)))


def _augmented(module: nn.Linear, affine: _Affine, carried: float, *, onwards: bool) -> Layer:
    """A linear layer whose last input row holds a constant, and so carries the bias."""
    weight, bias = affine.rows(module.weight), affine.rows(module.bias) / carried
    rows = torch.cat([weight, bias[:, :, None]], dim=2)
    if onwards:
        further = torch.zeros_like(rows[:, :1])
        further[0, 0, -1] = 1 / carried
        rows = torch.cat([rows, further], dim=1)
    flat, shape = rows.flatten(1), rows.shape[1:]

    def layer(step: Tensor, desk: Desk) -> Map:
        count = step.shape[0]
        matrices = (step @ flat).view(count, *shape)

        def product(values: Tensor) -> Tensor:
            found = desk.place(values, count, shape[0], values.shape[2])
            return torch.bmm(matrices, values, out=found)

        return product

    return layer


def _layer(module: nn.Module, affine: _Affine) -> Layer:
    kind = type(module)
    if kind in LAYERS:
        return LAYERS[kind](module, affine)
    in_place = ELEMENTWISE.get(kind)
    if in_place is not None:
        return lambda *_: in_place
    return lambda *_: lambda values: module(values)


def _linear(module: Any, affine: _Affine) -> Layer:
    weight = affine.at(module.weight)
    bias = affine.at(module.bias) if module.bias is not None else None

    def layer(step: Tensor, _: Desk) -> Map:
        matrices = weight(step)
        if bias is None:
            return lambda values: torch.bmm(matrices, values)
        shifts = bias(step)[:, :, None]
        return lambda values: torch.baddbmm(shifts, matrices, values)

    return layer


def _layer_norm(module: nn.LayerNorm, affine: _Affine) -> Layer:
    return _normalization(module, 1, affine, module.normalized_shape[0])


def _group_norm(module: nn.GroupNorm, affine: _Affine) -> Layer:
    return _normalization(module, module.num_groups, affine, module.num_channels)


def _normalization(
    module: nn.LayerNorm | nn.GroupNorm, groups: int, affine: _Affine, channels: int
) -> Layer:
    """Each example over groups of its channels."""
    scaled = _scaled(affine.gain_and_shift(module))

    def layer(step: Tensor, desk: Desk) -> Map:
        scale = scaled(step, desk)

        def normalize(values: Tensor) -> Tensor:
            grouped = values.view(len(values), groups, channels // groups, -1)
            normal = _standardized(grouped, grouped.mean(dim=2, keepdim=True), 2, module.eps)
            return scale(normal.view_as(values))

        return normalize

    return layer


def _batch_norm(module: nn.BatchNorm1d, affine: _Affine) -> Layer:
    """Each channel over the examples, or by the statistics of the centre."""
    scaled = _scaled(affine.gain_and_shift(module))
    stored = affine.statistics(module)

    def layer(step: Tensor, desk: Desk) -> Map:
        scale = scaled(step, desk)

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


def _scaled(gain_and_shift: tuple[Callable[[Tensor], Tensor], ...]) -> Layer:
    if not gain_and_shift:
        return lambda *_: lambda values: values
    gain, shift = gain_and_shift

    def layer(step: Tensor, _: Desk) -> Map:
        gains, shifts = gain(step)[:, :, None], shift(step)[:, :, None]
        return lambda values: values.mul_(gains).add_(shifts)

    return layer


def _residual(module: Residual, affine: _Affine) -> Layer:
    branch, shortcut, activation = (
        _layers(chain_of(inner) or (), affine, None)
        for inner in (module.branch, module.shortcut, module.activation)
    )

    def layer(step: Tensor, desk: Desk) -> Map:
        along, beside, after = (
            [one(step, desk) for one in part] for part in (branch, shortcut, activation)
        )

        def block(values: Tensor) -> Tensor:
            # Layers may work in place, and with a skip the values are needed twice.
            found = _through(along, values.clone() if module.skips else values)
            if module.skips:
                found = found.add_(_through(beside, values))
            return _through(after, found)

        return block

    return layer


def _through(maps: Sequence[Map], values: Tensor) -> Tensor:
    for one in maps:
        values = one(values)
    return values


LAYERS: dict[type[nn.Module], Callable[[Any, _Affine], Layer]] = {
    nn.Linear: _linear,
    nn.LayerNorm: _layer_norm,
    nn.GroupNorm: _group_norm,
    nn.BatchNorm1d: _batch_norm,
    Residual: _residual,
}
"""How each kind of layer with parameters becomes a function of coordinates and values."""

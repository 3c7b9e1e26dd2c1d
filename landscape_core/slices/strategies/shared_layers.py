"""One point after another, with what is common to all points computed once.

Two kinds of layers whose inputs do not depend on the point. These are found by watching the network
at two points: neither does the graph that autograd records lead from a moving parameter to them,
nor do their values differ, as they would behind a `detach`:

- a linear or convolutional layer is affine in the coordinates, so its output is that at the origin
  plus the coordinates times what the axes give: three products for the plane, not one a point;
- a part whose parameters do not move along the plane, for instance a frozen trunk, gives the same
  at every point.
"""

import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from landscape_core.foundation.memory import free_memory
from landscape_core.models.block_size import SHARE, block_memory
from landscape_core.models.layer_chain import work_in_place
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.plain_evaluation import PlainEvaluation
from landscape_core.models.plain_networks import as_written
from landscape_core.planes.plane import Plane
from landscape_core.slices.point_by_point import point_by_point
from landscape_core.slices.reading import Reader, Reading, exactly
from landscape_core.slices.strategies.base import Strategy

AFFINE: tuple[type[nn.Module], ...] = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)

WATCHED = ((0.37, -0.61), (-0.83, 0.29))
"""Coordinates at which the network is watched; of no meaning, and not special."""

FEW = 8
"""Examples on which the network is watched."""


@dataclass(frozen=True, kw_only=True)
class SharedLayers(Strategy):
    """Evaluates any network a point at a time, sharing its first layers between the points."""

    rank: ClassVar[int] = 30

    def applies(self, reading: Reading) -> bool:
        objective = reading.objective
        if reading.moving_buffers or reading.wants_gradient:
            return False
        if objective.normalizes and objective.batch_norm != "running":
            return False
        affine, constant = shared(objective, reading.plane)
        return bool(affine or constant) and _fits(objective, reading.plane, affine + constant)

    def memory(self, reading: Reading) -> int:
        names = [name for kind in shared(reading.objective, reading.plane) for name in kind]
        return block_memory(reading.objective) + _held(reading.objective, reading.plane, names)

    def reader(self, reading: Reading) -> Reader:
        network = PlainEvaluation(reading.objective, tf32=reading.tf32, known=reading.trace)
        work_in_place(network.module)
        here = torch.zeros(reading.plane.dimensions, dtype=torch.float64)
        affine, constant = shared(reading.objective, reading.plane)
        with exactly(reading):
            _share(network, reading, affine, constant, here)
        inner = point_by_point(reading, network)

        def read(coords: Tensor) -> Tensor:
            found = []
            known, there = coords.cpu(), coords.to(reading.plane.origin)  # waits for a card once
            for coord, moved in zip(known, there, strict=True):
                here.copy_(coord)
                found.append(inner(moved[None]))
            return torch.cat(found, dim=1)

        return read


def shared(objective: ModelObjective, plane: Plane) -> tuple[list[str], list[str]]:
    """The names of the affine layers, and of the constant parts, that see the same everywhere."""
    moving = _moving(objective, plane)
    network = PlainEvaluation(objective.first(FEW))
    for name, parameter in network.module.named_parameters(remove_duplicate=False):
        parameter.requires_grad_(name in moving)
    try:
        watched = [_watch(network, plane, coord[: plane.dimensions]) for coord in WATCHED]
    except RuntimeError:  # some of what users write runs without gradients alone
        return [], []
    same = [
        name
        for name, module in network.module.named_modules()
        if name and _plain(module) and _alike(*(one.get(name) for one in watched))
    ]
    parts = dict(network.module.named_modules())
    moves = {
        name: any(f"{name}.{own}" in moving for own, _ in parts[name].named_parameters())
        for name in same
    }
    constant = [name for name in same if not moves[name] and _worth(parts[name])]
    outer = [name for name in constant if not any(name.startswith(f"{c}.") for c in constant)]
    affine = [name for name in same if moves[name] and type(parts[name]) in AFFINE]
    return affine, outer


def _watch(network: PlainEvaluation, plane: Plane, coord: Sequence[float]) -> dict[str, list[Any]]:
    """What each module was given, each time it was called, at a point; None if it may move."""
    seen: dict[str, list[Any]] = {}

    def noting(name: str) -> Callable[..., None]:
        def note(_: nn.Module, given: Any, found: Any) -> None:
            tensor = len(given) == 1 and torch.is_tensor(given[0]) and torch.is_tensor(found)
            still = tensor and not given[0].requires_grad
            seen.setdefault(name, []).append(given[0].clone() if still else None)

        return note

    modules = network.module.named_modules()
    hooks = [one.register_forward_hook(noting(name)) for name, one in modules if name]
    try:
        network.flat.copy_(plane.points(torch.tensor([coord], dtype=torch.float64))[0])
        with torch.enable_grad():
            network.forward()
    finally:
        for hook in hooks:
            hook.remove()
    return seen


def _alike(one: list[Any] | None, other: list[Any] | None) -> bool:
    """Whether a module was called once at each of two points, with the same tensor."""
    if one is None or other is None or len(one) != 1 or len(other) != 1:
        return False
    return one[0] is not None and other[0] is not None and torch.equal(one[0], other[0])


def _plain(module: nn.Module) -> bool:
    """Whether calling the module is calling its forward, and its parameters are its own."""
    return as_written(module) and not hasattr(module, "parametrizations")


def _worth(module: nn.Module) -> bool:
    return any(True for _ in module.parameters())


def _moving(objective: ModelObjective, plane: Plane) -> set[str]:
    """The names, all of them, of the parameters that change along the plane."""
    moved = {b.name for b in objective.layout.blocks if bool(b.of(plane.axes).any())}
    own = dict(objective.module.named_parameters())
    ids = {id(own[name]) for name in moved}
    every = objective.module.named_parameters(remove_duplicate=False)
    return {name for name, parameter in every if id(parameter) in ids}


def _fits(objective: ModelObjective, plane: Plane, names: list[str]) -> bool:
    """Whether what is shared can be held in memory."""
    return _held(objective, plane, names) < SHARE * free_memory(plane.origin.device)


def _held(objective: ModelObjective, plane: Plane, names: list[str]) -> int:
    """Bytes of what is shared."""
    sizes: list[int] = []

    def note(_: nn.Module, __: Any, found: Any) -> None:
        sizes.append(found.numel() * found.element_size())

    network = PlainEvaluation(objective.first(FEW))
    parts = dict(network.module.named_modules())
    for name in names:
        parts[name].register_forward_hook(note)
    network.outputs(plane.origin)
    each = sum(sizes) / min(FEW, objective.examples)
    return int((1 + plane.dimensions) * each * objective.examples)


def _share(
    network: PlainEvaluation, reading: Reading, affine: list[str], constant: list[str], here: Tensor
) -> None:
    """Compute what is shared, and let the layers of the network give it."""
    parts = dict(network.module.named_modules())
    given: dict[str, list[Tensor]] = {name: [] for name in affine}
    found: dict[str, list[Tensor]] = {name: [] for name in constant}

    def noting(name: str) -> Callable[..., None]:
        def note(_: nn.Module, inputs: Any, output: Tensor) -> None:
            if name in given:
                given[name].append(inputs[0].clone())
            else:
                found[name].append(output.clone())

        return note

    hooks = [parts[name].register_forward_hook(noting(name)) for name in [*affine, *constant]]
    network.outputs(reading.plane.origin)
    for hook in hooks:
        hook.remove()
    user = weakref.proxy(network)  # its layers must not keep it, and what is shared, alive
    rows = torch.cat([reading.plane.origin[None], reading.plane.axes])
    tensors = [reading.objective.layout.split(row) for row in rows]
    for name in affine:
        products = _products(parts[name], name, given.pop(name), tensors)
        parts[name].forward = _affine_forward(user, products, here)
    for name in constant:
        parts[name].forward = _constant_forward(user, found[name])
    network.copy.own.keep()


def _products(
    layer: Any, name: str, inputs: list[Tensor], tensors: list[dict[str, Tensor]]
) -> list[list[Tensor]]:
    """For each block of examples, the layer's output by the origin and by each axis."""
    weights = _along(layer, name, "weight", tensors)
    biases = _along(layer, name, "bias", tensors)
    return [
        [_apply(layer, block, weight, bias) for weight, bias in zip(weights, biases, strict=True)]
        for block in inputs
    ]


def _along(
    layer: Any, name: str, which: str, tensors: list[dict[str, Tensor]]
) -> list[Tensor | None]:
    """A parameter of a layer at the origin, and its change along each axis."""
    own = getattr(layer, which)
    if own is None:
        return [None] * len(tensors)
    if f"{name}.{which}" in tensors[0]:
        return [one[f"{name}.{which}"] for one in tensors]
    still = torch.zeros_like(own)
    return [own.detach(), *[still] * (len(tensors) - 1)]


def _apply(layer: Any, inputs: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    if isinstance(layer, nn.Linear):
        return nn.functional.linear(inputs, weight, bias) if weight is not None else inputs
    found: Tensor = layer._conv_forward(inputs, weight, bias)
    return found


def _affine_forward(
    network: PlainEvaluation, products: list[list[Tensor]], here: Tensor
) -> Callable[[Tensor], Tensor]:
    def forward(_: Tensor) -> Tensor:
        origin, first, *others = products[network.block]
        coords = here.tolist()
        total = torch.add(origin, first, alpha=coords[0])
        for coord, axis in zip(coords[1:], others, strict=True):
            total.add_(axis, alpha=coord)
        return total

    return forward


def _constant_forward(network: PlainEvaluation, found: list[Tensor]) -> Callable[[Tensor], Tensor]:
    # Copied, as what follows may work in place.
    return lambda _: found[network.block].clone()

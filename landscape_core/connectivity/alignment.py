"""Neuron alignment: the hidden units of one network in the order that lies nearest to another's.

Ainsworth, Hayase and Srinivasa, 2023, Git Re-Basin: Merging Models modulo Permutation Symmetries,
ICLR, arXiv:2209.04836, section 3.2, algorithm 1 (weight matching by coordinate descent): one hidden
layer after another is ordered by a linear assignment, until no order gets better. Beside the order
that is there, as in the paper, it starts from a second one, found layer by layer from the inputs
on, which puts a reordered copy back exactly; the nearer result is taken.

A permutation is a tensor of indices (units,): unit i of the result is unit `order[i]` of what was.
Running statistics of batch normalization are buffers, not parameters: they need the same
permutations (`permuted_buffers`).
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.types import Vector
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
    *(nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU, nn.Mish),
    *(nn.Sigmoid, nn.Tanh, nn.Softplus, nn.Softsign, nn.LogSigmoid, nn.Tanhshrink),
    *(nn.Hardtanh, nn.Hardsigmoid, nn.Hardswish, nn.Hardshrink, nn.Softshrink, nn.Identity),
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

LEAST_GAIN = 1e-12
"""The share of the squared length by which an order must be better; less is rounding."""

CHECKED = 8
"""Examples on which the network with its units in another order is evaluated again."""


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


@public_call
def aligned(objective: ModelObjective, first: Vector, last: Vector, seed: int = 0) -> Vector:
    """`last` with its hidden units in the order nearest to `first`: the same function, (P,).

    The distance to `first` never grows. What is found is a local optimum over orders; the seed
    draws in which order layers are visited.

    Raises:
        SpecError: a network whose structure cannot be followed, or ends that are not finite.
    """
    return permuted(objective, last, matching(objective, first, last, seed))


@public_call
def matching(
    objective: ModelObjective, first: Vector, last: Vector, seed: int = 0
) -> list[Permutation]:
    """The order of the hidden units of `last`, layer by layer, that lies nearest to `first`.

    Raises:
        SpecError: a network whose structure cannot be followed, or ends that are not finite.
    """
    layers = hidden(objective)
    for name, end in (("first", first), ("last", last)):
        if not bool(end.isfinite().all()):
            raise SpecError(name, "NaN or infinity", "finite")
    split = objective.layout.split
    still = [torch.arange(units.size) for units in layers]
    start = _Guess(layers, split(first.detach().double()), split(last.detach().double()), still)
    rng = random_streams.stream(seed, "matching")
    guesses = [_descended(guess, rng) for guess in (start, _from_inputs(start))]
    orders = max(guesses, key=_Guess.nearness).orders
    _check(objective, last, orders)
    return orders


@public_call
def permuted(objective: ModelObjective, theta: Vector, orders: Sequence[Permutation]) -> Vector:
    """The parameters (P,) of the same function with its hidden units in other orders."""
    tensors: Mapping[str, Tensor] = objective.layout.split(theta.detach())
    for units, order in zip(hidden(objective), orders, strict=True):
        tensors = _reordered(tensors, units, order)
    return objective.layout.join(tensors)


def permuted_buffers(
    objective: ModelObjective, buffers: Mapping[str, Tensor], orders: Sequence[Permutation]
) -> dict[str, Tensor]:
    """The running statistics that go with the hidden units in other orders."""
    moved = dict(buffers)
    for units, order in zip(hidden(objective), orders, strict=True):
        moved = _reordered(moved, units, order)
    return moved


def hidden(objective: ModelObjective) -> list[Units]:
    """The hidden layers of a network, in their order.

    Raises:
        SpecError: a network whose structure cannot be followed.
    """
    module = objective.module
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
                raise _refused(module, f"has {layer}, which does not treat its inputs alike")
            units.uses.extend(Use(f"{names[id(layer)]}.{name}", dim) for name in tensors)
        found.append(units)
    return found


def _layers(objective: ModelObjective) -> list[nn.Module]:
    """The layers in their order; raises `SpecError` if they are no chain."""
    module = objective.module
    named = dict(module.named_parameters(remove_duplicate=False))
    if {block.name for block in objective.layout.blocks} != set(named):
        raise _refused(module, "has frozen or shared parameters")
    chain = chain_of(module)
    if chain is None:
        raise _refused(module, "is no chain of layers")
    layers = list(_without_blocks(chain))
    if any(is_parametrized(layer) for layer in layers):
        raise _refused(module, "has parametrized weights")
    own = [id(layer) for layer in layers if next(layer.parameters(), None) is not None]
    if len(set(own)) < len(own):
        raise _refused(module, "uses a layer twice")
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


@dataclass(frozen=True, eq=False)
class _Guess:
    """Orders of the units, and the tensors so ordered beside those that stay."""

    layers: list[Units]
    fixed: Mapping[str, Tensor]
    moving: Mapping[str, Tensor]
    orders: list[Permutation]

    def products(self, units: Units) -> Float[Tensor, "n n"]:
        """The inner product of each fixed with each moving unit of a layer."""
        inner = torch.zeros(units.size, units.size, dtype=torch.float64)
        for use in units.uses:
            if use.name in self.fixed:
                sides = (self.fixed[use.name], self.moving[use.name])
                one, other = (_rows(side, use.dim, units.size) for side in sides)
                inner += (one @ other.T).cpu()
        return inner

    def turned(self, layer: int, order: Permutation) -> "_Guess":
        """The guess with the units of a layer in another order than they are now."""
        orders = [*self.orders]
        orders[layer] = orders[layer][order]
        moving = _reordered(self.moving, self.layers[layer], order)
        return replace(self, moving=moving, orders=orders)

    def nearness(self) -> float:
        """The inner product of all tensors: the larger, the smaller the distance."""
        return sum(float((one * self.moving[name]).sum()) for name, one in self.fixed.items())


def _from_inputs(guess: _Guess) -> _Guess:
    """Each layer ordered by what comes in alone, the layers before being ordered already."""
    for layer, units in enumerate(guess.layers):
        incoming = Units(units.size, [use for use in units.uses if use.dim == 0])
        guess = guess.turned(layer, _best(guess.products(incoming)))
    return guess


def _descended(guess: _Guess, rng: torch.Generator) -> _Guess:
    """The guess with one layer after another ordered until no order gets better."""
    least = LEAST_GAIN * sum(float((one**2).sum()) for one in guess.fixed.values())
    improved = True
    while improved:
        improved = False
        for layer in torch.randperm(len(guess.layers), generator=rng).tolist():
            products = guess.products(guess.layers[layer])
            order = _best(products)
            if float(products.gather(1, order[:, None]).sum() - products.trace()) > least:
                guess, improved = guess.turned(layer, order), True
    return guess


def _best(products: Float[Tensor, "n n"]) -> Permutation:
    """The order with the largest sum of products: a linear assignment."""
    from scipy.optimize import linear_sum_assignment

    _, columns = linear_sum_assignment(products.numpy(), maximize=True)
    return torch.from_numpy(columns)


def _rows(tensor: Tensor, dim: int, size: int) -> Tensor:
    """The numbers of each unit, shape (size, ...)."""
    return tensor.unflatten(dim, (size, -1)).movedim(dim, 0).flatten(start_dim=1)


def _reordered(
    tensors: Mapping[str, Tensor], units: Units, order: Permutation
) -> dict[str, Tensor]:
    """The tensors with a layer's units in another order wherever they appear."""
    moved = dict(tensors)
    for use in units.uses:
        if use.name in moved:
            blocks = moved[use.name].unflatten(use.dim, (units.size, -1))
            chosen = blocks.index_select(use.dim, order.to(blocks.device))
            moved[use.name] = chosen.flatten(use.dim, use.dim + 1)
    return moved


def _check(objective: ModelObjective, theta: Vector, orders: Sequence[Permutation]) -> None:
    """Raise `SpecError` if the other order gives another function.

    Layers alone do not tell everything: a linear layer may work on the last axis of an image.
    """
    few = objective.with_batch_norm("running").first(CHECKED)
    moved = few.with_buffers(permuted_buffers(few, few.buffers, orders))
    with torch.no_grad():
        was, found = few.outputs(theta), moved.outputs(permuted(few, theta, orders))
    near = torch.finfo(was.dtype).eps ** 0.5 * float(was.abs().nan_to_num(0, 0).max())
    if not torch.allclose(was, found, rtol=0, atol=near, equal_nan=True):
        raise _refused(objective.module, "changes with the order of its units")


def _refused(module: nn.Module, why: str) -> SpecError:
    return SpecError("the network to align", f"{type(module).__name__}, which {why}", ACCEPTED)

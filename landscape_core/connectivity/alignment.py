"""Neuron alignment: the hidden units of one network in the order that lies nearest to another's.

Ainsworth, Hayase and Srinivasa, 2023, Git Re-Basin: Merging Models modulo Permutation Symmetries,
ICLR, arXiv:2209.04836, section 3.2, algorithm 1 (weight matching by coordinate descent): one hidden
layer after another is ordered by a linear assignment, until no order gets better. In addition to
the given order, as in the paper, it starts from a second one, found layer by layer from the inputs
on, which puts a reordered copy back exactly; the nearer result is taken.

A permutation is a tensor of indices (units,): unit i of the result is unit `order[i]` of what was.
Running statistics of batch normalization are buffers, not parameters: they need the same
permutations (`permuted_buffers`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from landscape_core.connectivity.hidden_units import Permutation, Units, hidden, refused, reordered
from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.types import Vector
from landscape_core.models.closure_network import network_in
from landscape_core.models.network_objective import ModelObjective

LEAST_GAIN = 1e-12
"""The fraction of the squared length by which an order must be better; less is rounding."""

CHECKED = 8
"""Examples on which the network with its units in another order is evaluated again."""


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
        tensors = reordered(tensors, units, order)
    return objective.layout.join(tensors)


def permuted_buffers(
    objective: ModelObjective, buffers: Mapping[str, Tensor], orders: Sequence[Permutation]
) -> dict[str, Tensor]:
    """The running statistics that go with the hidden units in other orders."""
    moved = dict(buffers)
    for units, order in zip(hidden(objective), orders, strict=True):
        moved = reordered(moved, units, order)
    return moved


@dataclass(frozen=True, eq=False)
class _Guess:
    """Orders of the units, and the permuted tensors and the unchanged ones."""

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
        moving = reordered(self.moving, self.layers[layer], order)
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
        raise refused(network_in(objective.module), "changes with the order of its units")

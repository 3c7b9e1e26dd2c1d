"""A symmetric matrix of the size of the parameters, known by its products with vectors.

Products are exact: by differentiating twice (Pearlmutter, 1994), never by finite differences. The
graph that leads to the gradient is built once and used by every product.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.modules.conv import _ConvNd

from landscape_core.foundation.precision import full_precision
from landscape_core.foundation.second_order import check_twice, twice_differentiable
from landscape_core.foundation.types import Vector, Vectors
from landscape_core.models import data_parts
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.objective import Objective

WHOLE = 4096
"""Examples whose graph is kept between products; more are gone through in parts of so many."""

GRAPHS = 2
"""How many times as much as a gradient a product holds: the graph of the gradient stays, too."""

HELD = 2**24
"""Units times examples that products made at once may have, about."""


class Operator(ABC):
    """A symmetric matrix (P, P). `matvecs` counts those made so far."""

    def __init__(self, like: Vector) -> None:
        """A matrix for vectors of this size, dtype and device."""
        self.like = like.detach()
        self.matvecs = 0

    @property
    def size(self) -> int:
        """P."""
        return len(self.like)

    def apply(self, vectors: Vectors) -> Vectors:
        """The products with K vectors, shape (K, P)."""
        self.matvecs += len(vectors)
        with full_precision(self.like.device), twice_differentiable():
            return self._apply(vectors.to(self.like)).detach()

    def dense(self, together: int = 64) -> Float[Tensor, "P P"]:
        """The matrix itself, made symmetric to the last bit."""
        unit = torch.eye(self.size, dtype=self.like.dtype, device=self.like.device)
        rows = torch.cat([self.apply(part) for part in unit.split(together)])
        return (rows + rows.T) / 2

    @abstractmethod
    def _apply(self, vectors: Vectors) -> Vectors:
        """The products with K vectors."""


Product = Callable[[Vectors], Vectors]


class Sum(Operator):
    """A weighted sum over parts of the data, each of which gives its product when asked for.

    `parts` are those parts and their weights; one, if all the data is gone through at once.
    """

    def __init__(
        self,
        objective: Objective,
        theta: Vector,
        product_of: Callable[[Objective, Vector], Product],
    ) -> None:
        """Divide the data where it is too large to keep a graph of all.

        Args:
            objective: the loss over the examples; a mean, a sum, or what is needed at once.
            theta: where the matrix is taken.
            product_of: makes the product of the loss over some examples at a point.

        Raises:
            SpecError: what is needed at once does not fit into memory.
        """
        Operator.__init__(self, theta)
        self._theta = theta.detach()
        self.parts = parts_of(objective)
        self._product_of = product_of
        self._kept = self._made(self.parts[0][0]) if len(self.parts) == 1 else None

    def _made(self, part: Objective) -> Product:
        with full_precision(self.like.device), twice_differentiable():
            return self._product_of(part, self._theta.clone().requires_grad_())

    def _apply(self, vectors: Vectors) -> Vectors:
        if self._kept is not None:
            return self._kept(vectors)
        total = torch.zeros_like(vectors)
        for part, weight in self.parts:
            total += weight * self._made(part)(vectors)
        return total


def parts_of(objective: Objective) -> list[tuple[Objective, float]]:
    """Parts of the data and their weights in the loss; one, if they are needed at once.

    Raises:
        SpecError: what is needed at once does not fit into memory.
    """
    if not isinstance(objective, ModelObjective):
        return [(objective, 1.0)]
    return [*data_parts.parts_of(objective, WHOLE, graphs=GRAPHS)]


def together(objective: Objective) -> int:
    """How many products to make at once: many for fully connected networks, else one.

    Batched products share the overhead of every operation, which on small networks is most of it.
    Convolutions gain nothing: one product fills the machine.
    """
    if not isinstance(objective, ModelObjective):
        return 1
    if any(isinstance(part, _ConvNd) for part in objective.module.modules()):
        return 1
    units = sum(block.shape[0] for block in objective.layout.blocks if block.has_filters)
    return max(1, HELD // max(1, units * objective.examples))


def pulled(outputs: Tensor, point: Tensor, seeds: Tensor, batch: int = 1) -> Tensor:
    """The products of K seeds (K, ...) with the Jacobian of outputs (...), shape (K, *point)."""
    if not outputs.requires_grad:
        return point.new_zeros(len(seeds), *point.shape)
    return torch.cat([_gradients(outputs, point, part) for part in seeds.split(batch)])


def pusher(outputs: Tensor, point: Vector, batch: int = 1) -> Callable[[Vectors], Tensor]:
    """The products of the Jacobian of outputs (...) with K vectors (K, P), shape (K, ...).

    A vector-Jacobian product is linear in its vector; its own derivative is the product wanted.
    """
    weights = torch.zeros_like(outputs, requires_grad=True)
    (back,) = torch.autograd.grad(check_twice(outputs), point, weights, create_graph=True)

    def pushed(vectors: Vectors) -> Tensor:
        return torch.cat([_gradients(back, weights, part) for part in vectors.split(batch)])

    return pushed


def _gradients(outputs: Tensor, inputs: Tensor, seeds: Tensor) -> Tensor:
    """The gradient of outputs weighted by each of K seeds, (K, ...), in the shape of the inputs."""
    if len(seeds) == 1:
        return _gradient(outputs, inputs, seeds[0])[None]
    try:
        return _gradient(outputs, inputs, seeds, is_grads_batched=True)
    except RuntimeError:  # an operation that cannot be batched
        return torch.stack([_gradient(outputs, inputs, seed) for seed in seeds])


def _gradient(
    outputs: Tensor, inputs: Tensor, seeds: Tensor, *, is_grads_batched: bool = False
) -> Tensor:
    (found,) = torch.autograd.grad(
        outputs,
        inputs,
        seeds,
        retain_graph=True,
        allow_unused=True,
        is_grads_batched=is_grads_batched,
        materialize_grads=True,
    )
    return found

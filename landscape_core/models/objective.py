"""A scalar function of one flat vector: all that optimizers, planes and slices know of a net."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar, final

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from landscape_core.foundation.precision import full_precision
from landscape_core.foundation.second_order import check_twice, twice_differentiable
from landscape_core.foundation.types import Scalar, Vector, Vectors
from landscape_core.models.parameters import Layout

if TYPE_CHECKING:  # the one thing that is known here of networks: that an objective may be of one
    from landscape_core.models.network_objective import ModelObjective

Proximal = Callable[[Vector, float], Vector]
"""(theta, step) -> the z of least ½ ‖z − theta‖² + step R(z), for each parameter by itself."""

Kind = TypeVar("Kind", bound="Objective")


class Objective(ABC):
    """A scalar function of a flat vector of P parameters, a mean over `examples` examples."""

    layout: Layout
    examples: int
    _whole: "Objective | None" = None
    _indices: Tensor | None = None

    @abstractmethod
    def loss(self, theta: Vector) -> Scalar:
        """The loss at theta, differentiable."""

    @abstractmethod
    def restricted(self: Kind, indices: Tensor) -> Kind:
        """The same function over these examples alone, with statistics as in training."""

    @final
    def minibatch(self: Kind, indices: Tensor) -> Kind:
        """The same function over these examples alone, with statistics as in training.

        It knows of which `whole` it is a part, and by which `indices`.
        """
        part = self.restricted(indices)
        known = indices if self._indices is None else self._indices[indices]
        vars(part).update(_whole=self.whole, _indices=known)  # a part is made for this call alone
        return part

    @property
    def whole(self) -> "Objective":
        """What this is a mini-batch of; where it is none, the objective itself."""
        return self if self._whole is None else self._whole

    @property
    def indices(self) -> Int64[Tensor, " _"]:
        """Which examples of the whole these are, shape (examples,)."""
        return torch.arange(self.examples) if self._indices is None else self._indices

    @property
    def network(self) -> "ModelObjective | None":
        """The same objective, where it is that of a network."""
        return None

    @property
    def still(self) -> "Objective":
        """The same objective, whose evaluations leave running statistics as they are.

        A training step moves those once, however often it looks at its mini-batch.
        """
        return self

    def value_and_gradient(self, theta: Vector) -> tuple[Scalar, Vector]:
        """The loss and its gradient at theta, both detached."""
        point = theta.detach().requires_grad_()
        with full_precision(theta.device):
            value = self.loss(point)
            (gradient,) = torch.autograd.grad(value, point)
        return value.detach(), gradient

    def gradient(self, theta: Vector) -> Vector:
        """The gradient at theta, shape (P,), detached."""
        return self.value_and_gradient(theta)[1]

    def prox(self, theta: Vector, step: float) -> Vector:
        """The z of least ½ ‖z − theta‖² + step R(z); theta itself where there is no penalty R."""
        del step
        return theta

    def hvp(self, theta: Vector, direction: Vector) -> Vector:
        """The Hessian at theta times a direction, shape (P,), by double differentiation."""
        point = theta.detach().requires_grad_()
        with full_precision(theta.device), twice_differentiable():
            loss = check_twice(self.loss(point))
            (gradient,) = torch.autograd.grad(loss, point, create_graph=True)
            if not gradient.requires_grad:  # a linear loss
                return torch.zeros_like(direction)
            (product,) = torch.autograd.grad(gradient @ direction, point)
        return product

    def losses(self, thetas: Vectors) -> Float[Tensor, " K"]:
        """The losses at K points, shape (K,), detached, one point after another."""
        with torch.no_grad():
            return torch.stack([self.loss(theta) for theta in thetas])

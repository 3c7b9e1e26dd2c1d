"""The objective of a pruned network: θ ↦ L(m ⊙ θ), whatever optimizer minimizes it.

A masked objective is smaller than a wrapper of optimizers, which would have to know the memory of
each: pruned weights act as zero by definition, and their gradient is zero by the chain rule. Rules
that work entry by entry (SGD, momentum, Adam, with weight decay or without) leave at exactly zero
what begins there. Rules that mix entries or add noise may move them; read weights as m ⊙ θ.
"""

from typing import final

import torch

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.types import Scalar, Vector
from landscape_core.models.objective import Objective
from landscape_core.models.pruning import Mask


@final
class Masked(Objective):
    """L(m ⊙ θ) for an objective L and a mask m (P,)."""

    def __init__(self, objective: Objective, mask: Mask) -> None:
        """Take the objective of the whole network and the mask of what is kept.

        Raises:
            SpecError: the mask has another size than the objective.
        """
        if len(mask) != objective.layout.size:
            raise SpecError("the size of the mask", len(mask), f"{objective.layout.size}")
        self.objective, self.mask = objective, mask
        self.layout, self.examples = objective.layout, objective.examples

    def loss(self, theta: Vector) -> Scalar:
        """The loss at m ⊙ θ, differentiable in θ."""
        return self.objective.loss(theta * self.mask)

    def value_and_gradient(self, theta: Vector) -> tuple[Scalar, Vector]:
        """The loss and its gradient m ⊙ ∇L(m ⊙ θ), both detached."""
        value, gradient = self.objective.value_and_gradient(theta * self.mask)
        return value, gradient * self.mask

    def gradient(self, theta: Vector) -> Vector:
        """The gradient m ⊙ ∇L(m ⊙ θ), shape (P,), detached."""
        return self.objective.gradient(theta * self.mask) * self.mask

    def restricted(self, indices: torch.Tensor) -> "Masked":
        """The same over these examples alone, with statistics as in training."""
        return Masked(self.objective.minibatch(indices), self.mask)

    @property
    def still(self) -> "Masked":
        """The same, whose evaluations leave running statistics as they are."""
        return Masked(self.objective.still, self.mask)

    def prox(self, theta: Vector, step: float) -> Vector:
        """The proximal map of the penalty in the parameters that are kept."""
        return torch.where(self.mask, self.objective.prox(theta * self.mask, step), theta)

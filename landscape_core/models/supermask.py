"""Learned supermasks: Zhou, Lan, Liu, Yosinski, 2019, Deconstructing Lottery Tickets, section 5.1.

arXiv:1905.01067. Weights stay at their initialization θ₀; what is trained is a logit s for each. A
weight is kept with probability σ(s), drawn anew at each step, and the gradient passes the draw as
if it were σ(s) itself: ∂L/∂s = ∂L/∂w ⊙ θ₀ ⊙ σ(s)(1 − σ(s)), as in the authors' code. Their signed
constants and dynamic rescaling of weights are left out.
"""

from typing import final

import torch
from torch import Tensor

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.types import Scalar, Vector
from landscape_core.models.objective import Objective
from landscape_core.models.pruning import prunable


@final
class Supermask(Objective):
    """The loss at θ₀ ⊙ m with m = 1 where u < σ(s), as a function of the logits s (P,).

    `uniform` (P,) are the numbers u in [0, 1) of one draw: give others for each step. Biases and
    other parameters that are not pruned are kept, and their logits have no gradient.
    """

    def __init__(self, objective: Objective, weights: Vector, uniform: Vector) -> None:
        """Take an objective, the weights θ₀ and one draw.

        Raises:
            SpecError: weights or draw of another size than the objective.
        """
        for name, given in (("weights", weights), ("uniform", uniform)):
            if len(given) != objective.layout.size:
                raise SpecError(f"the size of {name}", len(given), f"{objective.layout.size}")
        self.objective, self.weights, self.uniform = objective, weights, uniform
        self.layout, self.examples = objective.layout, objective.examples
        self._fixed = torch.ones(len(weights), dtype=torch.bool, device=weights.device)
        for block in prunable(objective.layout):
            self._fixed[block.start : block.stop] = False

    def loss(self, theta: Vector) -> Scalar:
        """The loss with the drawn mask; its gradient in the logits is the straight-through one."""
        chance = theta.sigmoid()
        drawn = (self.uniform < chance).to(chance)
        mask = drawn + (chance - chance.detach())  # in this order exactly 0 or 1
        return self.objective.loss(self.weights * mask.where(~self._fixed, 1.0))

    def restricted(self, indices: Tensor) -> "Supermask":
        """The same over these examples alone, with the same draw."""
        return Supermask(self.objective.minibatch(indices), self.weights, self.uniform)

    @property
    def still(self) -> "Supermask":
        """The same, whose evaluations leave running statistics as they are."""
        return Supermask(self.objective.still, self.weights, self.uniform)

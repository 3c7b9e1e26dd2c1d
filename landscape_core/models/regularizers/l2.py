"""The squared length of the weights: Krogh and Hertz, 1991, A Simple Weight Decay.

Of all parameters, biases and gains included. In plain gradient descent it is weight decay; where an
optimizer scales the gradient it is not (Loshchilov and Hutter, 2019, arXiv:1711.05101).
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation.recipes import Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.regularizers.base import Regularizer


@dataclass(frozen=True, kw_only=True)
class L2(Regularizer):
    """Pulls all weights towards zero, by as much as they are away."""

    label: ClassVar[str] = "L2"
    formula: ClassVar[str] = "g + γθ, of the penalty ½γ‖θ‖²"
    source: ClassVar[str] = "Krogh & Hertz, 1991, A Simple Weight Decay Can Improve Generalization"

    strength: Annotated[float, Knob(1e-12, 10.0, "γ, times the weights", "log")] = 1e-3

    def regularized(self, objective: ModelObjective) -> ModelObjective:
        """The objective with γθ in its gradient."""
        return objective.with_field(self._field)

    def _field(self, objective: ModelObjective, theta: Vector, gradient: Vector) -> Vector:
        del objective
        return torch.add(gradient, theta.detach(), alpha=self.strength)

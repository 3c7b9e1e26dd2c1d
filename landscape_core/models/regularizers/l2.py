"""The squared L2 norm of the weights: Krogh and Hertz, 1991, A Simple Weight Decay.

All parameters are included, also biases and normalization gains. For SGD it is equivalent to weight
decay, for adaptive optimizers it is not (Loshchilov and Hutter, 2019, arXiv:1711.05101).
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
    """L2 regularization of all parameters."""

    label: ClassVar[str] = "L2"
    formula: ClassVar[str] = "g + γθ, of the penalty ½γ‖θ‖²"
    source: ClassVar[str] = "Krogh & Hertz, 1991, A Simple Weight Decay Can Improve Generalization"

    strength: Annotated[float, Knob(1e-12, 10.0, "regularization coefficient γ", "log")] = 1e-3

    def regularized(self, objective: ModelObjective) -> ModelObjective:
        """Return the objective with γθ added to its gradient."""
        return objective.with_field(self._field)

    def _field(self, objective: ModelObjective, theta: Vector, gradient: Vector) -> Vector:
        del objective
        return torch.add(gradient, theta.detach(), alpha=self.strength)

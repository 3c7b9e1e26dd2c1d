"""SGDA, simultaneous stochastic gradient descent-ascent, with a proximal map.

Beznosikov, Gorbunov, Berard and Loizou, 2023, Stochastic Gradient Descent-Ascent: Unified Theory
and New Efficient Methods. If E‖g − F(z*)‖² ≤ 2A⟨F(z) − F(z*), z − z*⟩ + D₁ a step η ≤ min(1/μ,
1/(2A)) converges linearly to a neighbourhood of the solution whose radius is proportional to η.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective
from landscape_core.training.optimizers.base import LEARNING_RATE, Optimizer


@dataclass(frozen=True, kw_only=True)
class SGDA(Optimizer[None]):
    """Simultaneous gradient descent-ascent for games; for minimization it is SGD."""

    label: ClassVar[str] = "SGDA (games)"
    family: ClassVar[str] = "games"
    formula: ClassVar[str] = (
        "θ ← prox(θ − ηg);  in a game g = (∇ₓf, −∇ᵧf);  prox is that of ηR, for a penalty R"
    )
    source: ClassVar[str] = (
        "Beznosikov, Gorbunov, Berard & Loizou, 2023, Stochastic Gradient Descent-Ascent"
    )

    learning_rate: Annotated[float, LEARNING_RATE] = 0.05

    def init(self, theta: Vector) -> None:
        """Return the initial state: none."""
        del theta

    def step(self, objective: Objective, theta: Vector, memory: None) -> tuple[Vector, None]:
        """Take a step of size η along −g, then the proximal map."""
        moved = torch.sub(theta, objective.gradient(theta), alpha=self.learning_rate)
        return objective.prox(moved, self.learning_rate), memory

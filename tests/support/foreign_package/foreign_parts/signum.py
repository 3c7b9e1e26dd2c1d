"""Signum: Bernstein, Wang, Azizzadenesheli, Anandkumar, 2018, arXiv:1802.04434, algorithm 2."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor

from landscape_core import Objective, Optimizer
from landscape_core.foundation.recipes import Knob


@dataclass(frozen=True, kw_only=True)
class Signum(Optimizer[Tensor]):
    """Steps of one size along the signs of the momentum."""

    label: ClassVar[str] = "Signum"
    formula: ClassVar[str] = "m ← βm + (1−β)g;  θ ← θ − η sign(m)"
    source: ClassVar[str] = "Bernstein et al., 2018, arXiv:1802.04434"

    learning_rate: Annotated[float, Knob(1e-5, 10.0, "step size η", "log")] = 0.01
    momentum: Annotated[float, Knob(0.0, 0.999, "momentum β")] = 0.9

    def init(self, theta: Tensor) -> Tensor:
        """The momentum before the first step, zero."""
        return torch.zeros_like(theta)

    def step(self, objective: Objective, theta: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """The next parameters and the next momentum."""
        m = self.momentum * memory + (1 - self.momentum) * objective.gradient(theta)
        return theta - self.learning_rate * m.sign(), m

"""Stochastic gradient descent: Robbins and Monro, 1951, A Stochastic Approximation Method."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from landscape_core.objective import Objective
from landscape_core.optimizers.base import Optimizer
from landscape_core.recipes import Knob
from landscape_core.types import Vector


@dataclass(frozen=True, kw_only=True)
class SGD(Optimizer[None]):
    """Steps along the negative gradient of a mini-batch."""

    label: ClassVar[str] = "SGD"
    formula: ClassVar[str] = "θ ← θ − η g"
    source: ClassVar[str] = "Robbins & Monro, 1951"

    learning_rate: Annotated[float, Knob(1e-5, 100.0, "step size η", scale="log")] = 0.1

    def init(self, theta: Vector) -> None:
        """Nothing is remembered."""
        del theta

    def step(self, objective: Objective, theta: Vector, memory: None) -> tuple[Vector, None]:
        """One step of size η along −g."""
        return theta - self.learning_rate * objective.gradient(theta), memory

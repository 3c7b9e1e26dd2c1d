"""The base class of optimizers: update rules on flat vectors that take and return their state."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

import torch

from landscape_core.foundation.recipes import Knob, Recipe
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective

Memory = TypeVar("Memory")

LEARNING_RATE = Knob(
    1e-5, 100.0, "learning rate (step size) η; training diverges if it is too large", "log"
)
WEIGHT_DECAY = Knob(0.0, 1.0, "weight decay (L2 coefficient λ): λθ is added to the gradient")
MOMENTUM = Knob(0.0, 0.999, "momentum factor μ: the velocity is multiplied by it at each step")
EPSILON = Knob(1e-16, 1.0, "term ε added to the denominator for numerical stability", "log")


FEW = 64
"""Parameters of the short vector on which the memory of a state is measured."""


@dataclass(frozen=True, kw_only=True)
class Optimizer(Recipe, ABC, Generic[Memory]):
    """An update rule; `formula` is the rule in mathematical notation, `source` the citation.

    `family` is the heading of its group in menus.

    In the formulas g is the gradient of the mini-batch loss at θ; products, quotients and roots of
    vectors are element-wise. The objective of a step is the mini-batch; its `whole` is the training
    objective, and its `network`, if there is one, has inputs, outputs and a loss.
    """

    family: ClassVar[str] = ""
    formula: ClassVar[str]
    source: ClassVar[str]

    @abstractmethod
    def init(self, theta: Vector) -> Memory:
        """Return the initial optimizer state: tensors, numbers, tuples of them, or None."""

    def kept_vectors(self) -> float:
        """How many vectors of all parameters are kept between steps; by default as at the start."""
        small, twice = (_numbers(self.init(torch.zeros(FEW * n))) for n in (1, 2))
        return (twice - small) / FEW

    def check_objective(self, objective: Objective) -> None:
        """Raise `SpecError` before training if the optimizer does not apply to the objective."""

    def scaled_by_rate(self) -> bool:
        """Whether every step is scaled by the learning rate, which is what schedules change."""
        return hasattr(self, "learning_rate")

    @abstractmethod
    def step(self, objective: Objective, theta: Vector, memory: Memory) -> tuple[Vector, Memory]:
        """Return the next iterate and optimizer state; the arguments are not modified."""


def _numbers(memory: Any) -> int:
    """The numbers in all tensors of a state."""
    if torch.is_tensor(memory):
        return memory.numel()
    return sum(map(_numbers, memory)) if isinstance(memory, tuple | list) else 0


def decayed(g: Vector, theta: Vector, weight_decay: float) -> Vector:
    """Add weight decay to the gradient: g + λθ; return g itself if λ is 0."""
    return torch.add(g, theta, alpha=weight_decay) if weight_decay else g

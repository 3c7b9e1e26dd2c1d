"""What an optimizer is: its formula on flat vectors, with its state given and returned."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

import torch

from landscape_core.foundation.recipes import Knob, Recipe
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective

Memory = TypeVar("Memory")

LEARNING_RATE = Knob(1e-5, 100.0, "step size η; too large a one makes the run diverge", "log")
WEIGHT_DECAY = Knob(0.0, 1.0, "pull towards zero λ: λ times the weights joins the gradient")
MOMENTUM = Knob(0.0, 0.999, "share μ of the velocity that is kept at each step")
EPSILON = Knob(1e-16, 1.0, "small ε that keeps the division safe; a large one tames it", "log")


@dataclass(frozen=True, kw_only=True)
class Optimizer(Recipe, ABC, Generic[Memory]):
    """An update rule. `formula` is the rule as people write it, `source` the citation.

    `family` is the heading under which menus show it.

    In the formulas g is the gradient of the loss of a mini-batch at θ, and products, quotients and
    roots of vectors are meant entry by entry. The objective of a step is the mini-batch; its
    `whole` is the training objective, and its `network`, where there is one, has inputs, outputs
    and a loss.
    """

    family: ClassVar[str] = ""
    formula: ClassVar[str]
    source: ClassVar[str]

    @abstractmethod
    def init(self, theta: Vector) -> Memory:
        """The memory before the first step: tensors, numbers, tuples of them, or None."""

    def check_objective(self, objective: Objective) -> None:
        """Raise `SpecError` if the rule cannot be used on a training objective; before any work."""

    @abstractmethod
    def step(self, objective: Objective, theta: Vector, memory: Memory) -> tuple[Vector, Memory]:
        """The next iterate and memory; neither argument is changed."""


def decayed(g: Vector, theta: Vector, weight_decay: float) -> Vector:
    """G + λθ, the gradient with the pull of weight decay; g itself where λ is 0."""
    return torch.add(g, theta, alpha=weight_decay) if weight_decay else g

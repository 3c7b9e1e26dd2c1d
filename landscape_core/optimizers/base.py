"""What an optimizer is: its formula on flat vectors, with its state given and returned."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from landscape_core.objective import Objective
from landscape_core.recipes import Recipe
from landscape_core.types import Vector

Memory = TypeVar("Memory")


@dataclass(frozen=True, kw_only=True)
class Optimizer(Recipe, ABC, Generic[Memory]):
    """An update rule. `formula` is the rule as people write it, `source` the citation."""

    formula: ClassVar[str]
    source: ClassVar[str]

    @abstractmethod
    def init(self, theta: Vector) -> Memory:
        """The memory before the first step: tensors, numbers, tuples of them, or None."""

    @abstractmethod
    def step(
        self, objective: Objective, theta: Vector, memory: Memory
    ) -> tuple[Vector, Memory]:
        """The next iterate and memory; neither argument is changed."""

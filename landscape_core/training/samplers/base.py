"""What a sampler is: how the examples of each training step are drawn."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from landscape_core.foundation.recipes import Recipe
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective

Memory = TypeVar("Memory")


@dataclass(frozen=True)
class Asked:
    """For which step examples are wanted: from the `whole`, about `size` of them, at theta.

    The run has made `step` steps and seen so many examples; its seed is that of the draws.
    """

    whole: Objective
    theta: Vector
    size: int
    step: int
    seen: int
    seed: int


@dataclass(frozen=True, kw_only=True)
class Sampler(Recipe, ABC, Generic[Memory]):
    """A way to draw. `formula` says with which probabilities, `source` is the citation.

    In the formulas N is the number of training examples, B that of a batch.
    """

    formula: ClassVar[str]
    source: ClassVar[str]

    def check_objective(self, objective: Objective) -> None:
        """Raise `SpecError` if examples of a training objective cannot be drawn so."""

    @abstractmethod
    def init(self, examples: int) -> Memory:
        """The memory before the first step: tensors, numbers, tuples of them, or None."""

    @abstractmethod
    def draw(self, asked: Asked, memory: Memory) -> tuple[Objective, Memory]:
        """The mini-batch of a step, a `minibatch` of the whole, and the next memory.

        Its gradient is, in the mean over the draws, that of the whole.
        """

"""The base class of batch samplers: how the examples of each training step are selected."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from landscape_core.foundation.recipes import Recipe
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective

Memory = TypeVar("Memory")


@dataclass(frozen=True)
class Asked:
    """A request for a mini-batch: about `size` examples of `whole`, at theta.

    `step` steps were taken and `seen` examples processed; `seed` is the seed of the run.
    """

    whole: Objective
    theta: Vector
    size: int
    step: int
    seen: int
    seed: int


@dataclass(frozen=True, kw_only=True)
class Sampler(Recipe, ABC, Generic[Memory]):
    """A batch sampler; `formula` gives the probabilities, `source` is the citation.

    In the formulas N is the number of training examples, B the batch size.
    """

    formula: ClassVar[str]
    source: ClassVar[str]

    def check_objective(self, objective: Objective) -> None:
        """Raise `SpecError` if the sampler does not apply to a training objective."""

    @abstractmethod
    def init(self, examples: int) -> Memory:
        """Return the initial sampler state: tensors, numbers, tuples of them, or None."""

    @abstractmethod
    def draw(self, asked: Asked, memory: Memory) -> tuple[Objective, Memory]:
        """Return the mini-batch of a step, a `minibatch` of the whole, and the next state.

        Its gradient is an unbiased estimate of that of the whole.
        """

"""The base class of problems: recipes that build objectives and an initial point from a seed."""

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from landscape_core.foundation.recipes import Knob, Recipe, fields_of
from landscape_core.foundation.types import Vector
from landscape_core.models.datasets.base import Split
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.objective import Objective

COUNTS = ("samples", "points")
"""Fields of a problem that say how many examples it has."""

FEW = 8
"""Examples of a small problem by which a large one is measured, at least."""


@dataclass(frozen=True, eq=False)
class Iterate:
    """An iterate of an external run: parameters and the network's buffers."""

    theta: Vector
    buffers: dict[str, Tensor]


@dataclass(frozen=True)
class Instance:
    """A problem instance: training objective, test objective and initial point.

    `path` holds the iterates of an earlier run that led to this initial point, which is not
    included; steps are counted from its beginning. `within` is the projection to the set that
    iterates must lie in, which every step ends with; None where they are free.
    """

    train: Objective
    test: Objective | None
    start: Vector
    data: Split | None
    path: tuple[Iterate, ...] = ()
    within: Callable[[Vector], Vector] | None = None


@dataclass(frozen=True)
class ProblemSize:
    """How large a problem is before it is built: parameters, training examples, bytes of data.

    `parameters` are those of the network and its running statistics.
    """

    parameters: int
    examples: int
    data: int
    outputs: int = 1
    positions: int = 1
    """Places of an input at which a parameter may be used: pixels or tokens."""
    operations: Callable[[], int] = int
    """Floating-point operations of one evaluation of the loss on one example; 0: not known."""


@dataclass(frozen=True, kw_only=True)
class Problem(Recipe, ABC):
    """An optimization problem; `value` says what the value of its objective is called.

    Another value than a loss is not minimized: its lowest point is nothing that a run looks for.
    """

    value: ClassVar[str] = "loss"

    depth_field: ClassVar[str] = ""
    """The field that says how many layers there are; empty: no field of the problem itself does."""

    def estimated_size(self) -> ProblemSize | None:
        """How large the problem is, found without building it; None where nobody knows.

        Raises:
            SpecError: incompatible parts.
        """
        return measured_size(self)

    @abstractmethod
    def build(self, seed: int, device: str = "cpu", dtype: torch.dtype = torch.float32) -> Instance:
        """Build the instance of a seed; equal for equal seeds.

        Raises:
            SpecError: incompatible parts.
            MissingDataError: a data file is missing.
        """


@functools.lru_cache(maxsize=64)
def measured_size(problem: Problem) -> ProblemSize | None:
    """The size of a problem by two small ones of its kind; None without a count of examples.

    Raises:
        SpecError: parts that contradict each other.
    """
    knobs = {field.name: field.mark for field in fields_of(type(problem))}
    name = next((one for one in COUNTS if isinstance(knobs.get(one), Knob)), None)
    if name is None:
        return None
    low, count = int(knobs[name].low), int(getattr(problem, name))  # type: ignore[union-attr]
    low = min(count, max(low, FEW))
    small = problem.replace(**{name: low}).build(0)
    twice = problem.replace(**{name: 2 * low}).build(0) if count > 2 * low else small
    more = (count - low) / low
    data = int(_bytes(small) + more * (_bytes(twice) - _bytes(small)))
    return ProblemSize(small.start.numel(), count, data)


def _bytes(instance: Instance) -> int:
    parts = [one for one in (instance.train, instance.test) if isinstance(one, ModelObjective)]
    tensors = [one for part in parts for one in (part.inputs, part.targets)]
    return sum(one.numel() * one.element_size() for one in tensors)

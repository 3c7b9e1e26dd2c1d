"""What a problem is: a recipe that a seed makes into objectives and a starting point."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from landscape_core.foundation.recipes import Recipe
from landscape_core.foundation.types import Vector
from landscape_core.models.datasets.base import Split
from landscape_core.models.objective import Objective


@dataclass(frozen=True, eq=False)
class Iterate:
    """A point of a run that was made elsewhere: the parameters, and the network's statistics."""

    theta: Vector
    buffers: dict[str, Tensor]


@dataclass(frozen=True)
class Instance:
    """A problem made concrete: what is minimized, what it is tested on, where it starts.

    `path` is a run that led to this start, one step between two iterates; the start itself is not
    on it. Steps are counted from its beginning.
    """

    train: Objective
    test: Objective | None
    start: Vector
    data: Split | None
    path: tuple[Iterate, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Problem(Recipe, ABC):
    """Something to minimize."""

    @abstractmethod
    def build(self, seed: int, device: str = "cpu", dtype: torch.dtype = torch.float32) -> Instance:
        """The instance of a seed, equal for equal seeds.

        Raises:
            SpecError: parts that do not fit together.
            MissingDataError: a data file is not there.
        """

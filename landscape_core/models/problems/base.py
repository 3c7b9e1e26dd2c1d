"""The base class of problems: recipes that build objectives and an initial point from a seed."""

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
    """An iterate of an external run: parameters and the network's buffers."""

    theta: Vector
    buffers: dict[str, Tensor]


@dataclass(frozen=True)
class Instance:
    """A problem instance: training objective, test objective and initial point.

    `path` holds the iterates of an earlier run that led to this initial point, which is not
    included; steps are counted from its beginning.
    """

    train: Objective
    test: Objective | None
    start: Vector
    data: Split | None
    path: tuple[Iterate, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Problem(Recipe, ABC):
    """An optimization problem."""

    @abstractmethod
    def build(self, seed: int, device: str = "cpu", dtype: torch.dtype = torch.float32) -> Instance:
        """Build the instance of a seed; equal for equal seeds.

        Raises:
            SpecError: incompatible parts.
            MissingDataError: a data file is missing.
        """

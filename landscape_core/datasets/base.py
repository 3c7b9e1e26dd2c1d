"""What a data set is: a recipe that builds a training and a test part from a seed."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch import Tensor

from landscape_core.recipes import Recipe


@dataclass(frozen=True)
class Data:
    """Examples: inputs (N, ...) float, targets (N,) long for classes or (N, D) float."""

    inputs: Tensor
    targets: Tensor


@dataclass(frozen=True)
class Split:
    """A training and a test part; `classes` is None where the targets are numbers."""

    train: Data
    test: Data
    classes: int | None

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one input, for instance (2,) or (1, 8, 8)."""
        return tuple(self.train.inputs.shape[1:])


@dataclass(frozen=True, kw_only=True)
class Dataset(Recipe, ABC):
    """A data set: generated from a seed, bundled, or read from local files."""

    @abstractmethod
    def build(self, seed: int) -> Split:
        """Both parts on the CPU, inputs in float64, equal for equal seeds.

        Raises:
            MissingDataError: a file is not there; says where it is expected and what it is.
        """

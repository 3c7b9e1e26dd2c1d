"""The base class of data sets: recipes that build a training and a test set from a seed."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from landscape_core.foundation.recipes import Recipe


@dataclass(frozen=True)
class Data:
    """Examples: inputs (N, ...) float; targets (N,) long for classes or (N, D) float."""

    inputs: Tensor
    targets: Tensor


@dataclass(frozen=True)
class Split:
    """A training and a test set; `classes` is None for regression targets."""

    train: Data
    test: Data
    classes: int | None

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one input, for instance (2,) or (1, 8, 8)."""
        return tuple(self.train.inputs.shape[1:])


@dataclass(frozen=True, kw_only=True)
class ProblemData(Recipe, ABC):
    """A data set: generated from a seed, bundled, or read from local files."""

    noun: ClassVar[str] = "dataset"

    place: ClassVar[str] = ""
    """The field that holds the folder of local files, if any; it is not part of the content key."""

    @abstractmethod
    def build(self, seed: int) -> Split:
        """Return both sets on the CPU, inputs in float64; equal for equal seeds.

        Raises:
            MissingDataError: a file is missing; names the expected location and content.
        """

    def files(self) -> dict[str, Path]:
        """The local files that are read, by name; none by default.

        Raises:
            MissingDataError: as `build`.
        """
        return {}


def shared_out(
    inputs: npt.NDArray[np.floating],
    targets: npt.NDArray[np.generic],
    train: int,
    classes: int | None,
    rng: np.random.Generator,
) -> Split:
    """Shuffle; use the first `train` examples for training and the rest for testing."""
    order = rng.permutation(len(inputs))
    x = torch.from_numpy(np.ascontiguousarray(inputs[order], dtype=np.float64))
    kind = np.float64 if classes is None else np.int64
    y = torch.from_numpy(np.ascontiguousarray(targets[order], dtype=kind))
    if classes is None and y.ndim == 1:
        y = y[:, None]
    return Split(Data(x[:train], y[:train]), Data(x[train:], y[train:]), classes)

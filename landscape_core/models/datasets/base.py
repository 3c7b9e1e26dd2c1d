"""The base class of data sets: recipes that build a training and a test set from a seed."""

import functools
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from landscape_core.foundation.errors import FileFormatError
from landscape_core.foundation.recipes import Knob, Recipe, fields_of

COUNT = "points"
"""The field of a generated data set that says how many training examples it has."""


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


@dataclass(frozen=True)
class DataSize:
    """How large a data set is, before it is built: training examples, bytes of all in float64.

    `sample` holds a few of its examples, of the same shapes.
    """

    sample: Split
    training: int
    data: int


def check_classes(labels: npt.NDArray[Any], classes: int, path: Path) -> None:
    """Refuse labels that are no classes, which a loss would look up where there is nothing.

    Raises:
        FileFormatError: names the file, the first such label, and what is accepted.
    """
    wrong = labels[(labels < 0) | (labels >= classes)]
    if len(wrong):
        raise FileFormatError(f"{path} has the label {wrong[0]}, and there are 0 to {classes - 1}.")


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

    @property
    def image_shape(self) -> tuple[int, int] | None:
        """Rows and columns of the images whose pixels the input vectors are; None of others."""
        return None

    def estimated_size(self) -> DataSize | None:
        """How large the set is, found without building it; None where nobody knows."""
        return measured_size(self)


@functools.lru_cache(maxsize=64)
def measured_size(data: ProblemData) -> DataSize | None:
    """The size of a generated set, of two small ones of its kind; None without a count of examples.

    Raises:
        SpecError: parts that contradict each other.
    """
    knob = next((field.mark for field in fields_of(type(data)) if field.name == COUNT), None)
    if not isinstance(knob, Knob):
        return None
    low, count = int(knob.low), int(getattr(data, COUNT))
    small = data.replace(**{COUNT: low}).build(0)
    if count <= 2 * low:
        return DataSize(small, count, _bytes(small))
    twice = data.replace(**{COUNT: 2 * low}).build(0)
    more = (count - low) / low  # the test set may grow with it or not
    return DataSize(small, count, int(_bytes(small) + more * (_bytes(twice) - _bytes(small))))


def _bytes(split: Split) -> int:
    tensors = [one for part in (split.train, split.test) for one in (part.inputs, part.targets)]
    return sum(one.numel() * one.element_size() for one in tensors)


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

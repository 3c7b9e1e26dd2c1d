"""MNIST from local files: LeCun, Cortes and Burges, 1998."""

import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt
import torch

from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import FileFormatError, LandscapeError, MissingDataError
from landscape_core.foundation.recipes import FileName, Knob
from landscape_core.models.datasets.base import (
    Data,
    DataSize,
    ProblemData,
    Split,
    check_classes,
)
from landscape_core.storage.bounded_files import INFLATION_ERRORS, bounded_stream

MEAN, DEVIATION = 0.1307, 0.3081

LARGEST = 60_000 * 28 * 28
"""Values of the largest of the files."""

FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


@dataclass(frozen=True, kw_only=True)
class MNIST(ProblemData):
    """70,000 handwritten digits of 28 x 28 pixels, read from the original local files."""

    label: ClassVar[str] = "MNIST (local files)"

    place: ClassVar[str] = "folder"

    folder: Annotated[str, FileName("folder of the four IDX files, plain or .gz")] = "data/mnist"
    limit: Annotated[int, Knob(1, 60_000, "number of training images used", scale="log")] = 10_000

    def build(self, seed: int) -> Split:
        parts = [self._part(split, seed) for split in ("train", "test")]
        return Split(parts[0], parts[1], 10)

    def files(self) -> dict[str, Path]:
        return {name: _found(Path(self.folder), name) for pair in FILES.values() for name in pair}

    def estimated_size(self) -> DataSize:
        one = Data(torch.zeros(1, 1, 28, 28, dtype=torch.float64), torch.zeros(1).long())
        held = min(self.limit, 60_000) + min(self.limit, 10_000)
        return DataSize(Split(one, one, 10), self.limit, 70_000 * 784 + held * 784 * 8)

    def _part(self, split: str, seed: int) -> Data:
        found = [_found(Path(self.folder), name) for name in FILES[split]]
        images, labels = (_read_idx(path, axes) for path, axes in zip(found, (3, 1), strict=True))
        if len(images) != len(labels):
            raise FileFormatError(
                f"{self.folder}: {len(images)} {split} images but {len(labels)} labels."
            )
        check_classes(labels, 10, found[1])
        order = random_streams.numpy_stream(seed, "data", split).permutation(len(images))[
            : self.limit
        ]
        scaled = (images[order, None] / 255.0 - MEAN) / DEVIATION
        return Data(torch.from_numpy(scaled), torch.from_numpy(labels[order].astype(np.int64)))


def _found(folder: Path, name: str) -> Path:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    names = ", ".join(name for pair in FILES.values() for name in pair)
    raise MissingDataError(
        f"MNIST: {name} (or {name}.gz) is not in {folder}. The four original IDX files "
        f"are expected there: {names}."
    )


def _read_idx(path: Path, axes: int) -> npt.NDArray[np.uint8]:
    """An IDX file of unsigned bytes: two zeros, type 8, the number of dimensions, their sizes.

    No more is inflated than its header says, and no more than the original files hold.
    """
    try:
        with bounded_stream(path) as file:
            zeros, kind, dimensions = struct.unpack(">HBB", file.read(4))
            if (zeros, kind, dimensions) != (0, 8, axes):
                raise FileFormatError(
                    f"{path} is not an IDX file of unsigned bytes with {axes} dimensions."
                )
            sizes = struct.unpack(f">{dimensions}I", file.read(4 * dimensions))
            declared = math.prod(sizes)
            if declared > LARGEST:
                raise FileFormatError(
                    f"{path} declares {declared} values, and MNIST has at most {LARGEST}."
                )
            content = file.read(declared + 1)
        if len(content) != declared:
            raise ValueError(f"it declares {declared} values and does not hold so many")
        return np.frombuffer(content, np.uint8).reshape(sizes)
    except LandscapeError:
        raise
    except (struct.error, ValueError, OSError, *INFLATION_ERRORS) as error:
        raise FileFormatError(f"{path} is damaged or truncated: {error}") from error

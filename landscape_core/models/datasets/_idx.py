"""Images and labels in IDX files, the format of MNIST: LeCun, Cortes and Burges, 1998."""

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
from landscape_core.foundation.recipes import Knob
from landscape_core.models.datasets.base import Data, DataSize, ProblemData, Split, check_classes
from landscape_core.storage.bounded_files import INFLATION_ERRORS, bounded_stream

LARGEST = 60_000 * 28 * 28
"""Values of the largest of the files."""

FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}

HELP = "folder of the four IDX files, plain or .gz"


@dataclass(frozen=True)
class IdxImages:
    """70,000 images of 28 x 28 pixels in ten classes: their folder, and how they are scaled.

    Attributes:
        called: the name of the data set.
        folder: where the four files are.
        limit: the number of training images, and the largest number of test images.
        mean: of all training pixels, divided by 255.
        deviation: the standard deviation of these.
    """

    called: str
    folder: Path
    limit: int
    mean: float
    deviation: float

    def split(self, seed: int) -> Split:
        """Both sets, of which a limit takes examples at random.

        Raises:
            MissingDataError: a file is missing.
            FileFormatError: a file of another format, or a damaged one.
        """
        parts = [self._part(split, seed) for split in ("train", "test")]
        return Split(parts[0], parts[1], 10)

    def files(self) -> dict[str, Path]:
        """The four files by their original names.

        Raises:
            MissingDataError: one is missing.
        """
        return {name: self._found(name) for pair in FILES.values() for name in pair}

    def size(self) -> DataSize:
        """The size of both sets, of the original files."""
        one = Data(torch.zeros(1, 1, 28, 28, dtype=torch.float64), torch.zeros(1).long())
        held = min(self.limit, 60_000) + min(self.limit, 10_000)
        return DataSize(Split(one, one, 10), self.limit, 70_000 * 784 + held * 784 * 8)

    def _part(self, split: str, seed: int) -> Data:
        found = [self._found(name) for name in FILES[split]]
        images, labels = (_read(path, axes) for path, axes in zip(found, (3, 1), strict=True))
        if len(images) != len(labels):
            raise FileFormatError(
                f"{self.folder}: {len(images)} {split} images but {len(labels)} labels."
            )
        check_classes(labels, 10, found[1])
        order = random_streams.numpy_stream(seed, "data", split).permutation(len(images))[
            : self.limit
        ]
        scaled = (images[order, None] / 255.0 - self.mean) / self.deviation
        return Data(torch.from_numpy(scaled), torch.from_numpy(labels[order].astype(np.int64)))

    def _found(self, name: str) -> Path:
        """The file of a name, whose `-idx` may be `.idx` as some copies have it."""
        for spelled in (name, name.replace("-idx", ".idx")):
            for path in (self.folder / spelled, self.folder / f"{spelled}.gz"):
                if path.is_file():
                    return path
        names = ", ".join(name for pair in FILES.values() for name in pair)
        raise MissingDataError(
            f"{self.called}: {name} (or {name}.gz) is not in {self.folder}. The four original IDX"
            f" files are expected there: {names}."
        )


def _read(path: Path, axes: int) -> npt.NDArray[np.uint8]:
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


@dataclass(frozen=True, kw_only=True)
class IdxData(ProblemData):
    """A data set in the files of the format of MNIST.

    Attributes:
        called: its name.
        mean: of all training pixels, divided by 255.
        deviation: the standard deviation of these.
    """

    place: ClassVar[str] = "folder"
    called: ClassVar[str]
    mean: ClassVar[float]
    deviation: ClassVar[float]

    folder: str
    limit: Annotated[int, Knob(1, 60_000, "number of training images used", scale="log")] = 10_000

    def build(self, seed: int) -> Split:
        return self._images().split(seed)

    def files(self) -> dict[str, Path]:
        return self._images().files()

    def estimated_size(self) -> DataSize:
        return self._images().size()

    def _images(self) -> IdxImages:
        return IdxImages(self.called, Path(self.folder), self.limit, self.mean, self.deviation)

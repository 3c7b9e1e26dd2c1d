"""CIFAR-10 from local files: Krizhevsky, 2009."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch

from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import FileFormatError, MissingDataError
from landscape_core.foundation.recipes import FileName, Knob
from landscape_core.models.datasets.base import (
    Data,
    DataSize,
    ProblemData,
    Split,
    check_classes,
)
from landscape_core.storage.bounded_files import bounded_bytes
from landscape_core.storage.plain_pickle import plain_content

MEAN = np.array([0.4914, 0.4822, 0.4465])[:, None, None]
DEVIATION = np.array([0.2470, 0.2435, 0.2616])[:, None, None]

FILES = {"train": tuple(f"data_batch_{i}" for i in range(1, 6)), "test": ("test_batch",)}

LARGEST = 2**26
"""Bytes of a file; the original ones have 31 MB."""


@dataclass(frozen=True, kw_only=True)
class CIFAR10(ProblemData):
    """60,000 colour images of 32 x 32 pixels in ten classes, read from the original local files."""

    label: ClassVar[str] = "CIFAR-10 (local files)"

    place: ClassVar[str] = "folder"

    folder: Annotated[str, FileName("folder of the unpacked Python version")] = (
        "data/cifar-10-batches-py"
    )
    limit: Annotated[int, Knob(1, 50_000, "number of training images used", scale="log")] = 5_000

    def build(self, seed: int) -> Split:
        parts = [self._part(split, seed) for split in ("train", "test")]
        return Split(parts[0], parts[1], 10)

    def files(self) -> dict[str, Path]:
        return {name: _found(Path(self.folder), name) for part in FILES.values() for name in part}

    def estimated_size(self) -> DataSize:
        one = Data(torch.zeros(1, 3, 32, 32, dtype=torch.float64), torch.zeros(1).long())
        held = min(self.limit, 50_000) + min(self.limit, 10_000)
        return DataSize(Split(one, one, 10), self.limit, 60_000 * 3072 + held * 3072 * 8)

    def _part(self, split: str, seed: int) -> Data:
        batches = [_read_batch(_found(Path(self.folder), name)) for name in FILES[split]]
        images = np.concatenate([images for images, _ in batches])
        labels = np.concatenate([labels for _, labels in batches])
        order = random_streams.numpy_stream(seed, "data", split).permutation(len(images))[
            : self.limit
        ]
        scaled = (images[order].reshape(-1, 3, 32, 32) / 255.0 - MEAN) / DEVIATION
        return Data(torch.from_numpy(scaled), torch.from_numpy(labels[order]))


def _found(folder: Path, name: str) -> Path:
    if (folder / name).is_file():
        return folder / name
    names = ", ".join(name for part in FILES.values() for name in part)
    raise MissingDataError(
        f"CIFAR-10: {name} is not in {folder}. The six files of the Python "
        f"version are expected there: {names}."
    )


def _read_batch(path: Path) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    content = bounded_bytes(path, LARGEST)
    try:
        batch = plain_content(content)
        images = np.asarray(batch[b"data"], dtype=np.uint8)
        labels = np.asarray(batch[b"labels"], dtype=np.int64)
        if images.shape != (len(labels), 3072):
            raise ValueError(f"images of shape {images.shape} for {len(labels)} labels")
    except Exception as error:  # a damaged pickle raises anything
        raise FileFormatError(f"{path} is not a batch of CIFAR-10: {error}") from error
    check_classes(labels, 10, path)
    return images, labels

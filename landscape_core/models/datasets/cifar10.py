"""CIFAR-10 from local files: Krizhevsky, 2009."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np

from landscape_core.foundation.recipes import FileName, Knob
from landscape_core.models.datasets._cifar import CifarFiles
from landscape_core.models.datasets.base import DataSize, ProblemData, Split

MEAN = np.array([0.4914, 0.4822, 0.4465])[:, None, None]
DEVIATION = np.array([0.2470, 0.2435, 0.2616])[:, None, None]

FILES = {"train": tuple(f"data_batch_{i}" for i in range(1, 6)), "test": ("test_batch",)}


@dataclass(frozen=True, kw_only=True)
class CIFAR10(ProblemData):
    """60,000 colour images of 32 x 32 pixels in ten classes, read from the original local files."""

    label: ClassVar[str] = "CIFAR-10 (local files)"

    place: ClassVar[str] = "folder"

    folder: Annotated[str, FileName("folder of the unpacked Python version, or the binary one")] = (
        "data/cifar-10-batches-py"
    )
    limit: Annotated[int, Knob(1, 50_000, "number of training images used", scale="log")] = 5_000

    def build(self, seed: int) -> Split:
        return self._found().split(seed)

    def files(self) -> dict[str, Path]:
        return self._found().files()

    def estimated_size(self) -> DataSize:
        return self._found().size()

    def _found(self) -> CifarFiles:
        return CifarFiles(
            called="CIFAR-10", folder=Path(self.folder), train=FILES["train"], test=FILES["test"],
            labels=b"labels", column=0, before=1, classes=10, limit=self.limit, mean=MEAN,
            deviation=DEVIATION,
        )  # fmt: skip

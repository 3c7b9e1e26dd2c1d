"""CIFAR-100 from local files: Krizhevsky, 2009."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np

from landscape_core.foundation.recipes import Choice, FileName, Knob
from landscape_core.models.datasets._cifar import CifarFiles
from landscape_core.models.datasets.base import DataSize, ProblemData, Split

MEAN = np.array([0.5071, 0.4865, 0.4409])[:, None, None]
DEVIATION = np.array([0.2673, 0.2564, 0.2762])[:, None, None]

FINE, COARSE = "fine", "coarse"


@dataclass(frozen=True, kw_only=True)
class CIFAR100(ProblemData):
    """60,000 colour images of 32 x 32 pixels in 100 classes, read from the original local files."""

    label: ClassVar[str] = "CIFAR-100 (local files)"

    place: ClassVar[str] = "folder"

    folder: Annotated[str, FileName("folder of the unpacked Python version, or the binary one")] = (
        "data/cifar-100-python"
    )
    limit: Annotated[int, Knob(1, 50_000, "number of training images used", scale="log")] = 5_000
    classes: Annotated[str, Choice((FINE, COARSE), "100 fine classes, or 20 coarse ones")] = FINE

    def build(self, seed: int) -> Split:
        return self._found().split(seed)

    def files(self) -> dict[str, Path]:
        return self._found().files()

    def estimated_size(self) -> DataSize:
        return self._found().size()

    def _found(self) -> CifarFiles:
        fine = self.classes == FINE
        return CifarFiles(
            called="CIFAR-100", folder=Path(self.folder), train=("train",), test=("test",),
            labels=b"fine_labels" if fine else b"coarse_labels", column=int(fine), before=2,
            classes=100 if fine else 20, limit=self.limit, mean=MEAN, deviation=DEVIATION,
        )  # fmt: skip

"""Kuzushiji-MNIST from local files: Clanuwat and others, 2018, arXiv:1812.01718."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from landscape_core.foundation.recipes import FileName, Knob
from landscape_core.models.datasets._idx import HELP, IdxImages
from landscape_core.models.datasets.base import DataSize, ProblemData, Split

MEAN, DEVIATION = 0.1918, 0.3483


@dataclass(frozen=True, kw_only=True)
class KMNIST(ProblemData):
    """70,000 cursive Japanese characters of 28 x 28 pixels, in files of the format of MNIST."""

    label: ClassVar[str] = "KMNIST (local files)"

    place: ClassVar[str] = "folder"

    folder: Annotated[str, FileName(HELP)] = "data/kmnist"
    limit: Annotated[int, Knob(1, 60_000, "number of training images used", scale="log")] = 10_000

    def build(self, seed: int) -> Split:
        return self._images().split(seed)

    def files(self) -> dict[str, Path]:
        return self._images().files()

    def estimated_size(self) -> DataSize:
        return self._images().size()

    def _images(self) -> IdxImages:
        return IdxImages("KMNIST", Path(self.folder), self.limit, MEAN, DEVIATION)

"""MNIST from local files: LeCun, Cortes and Burges, 1998."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from landscape_core.foundation.recipes import FileName, Knob
from landscape_core.models.datasets._idx import HELP, IdxImages
from landscape_core.models.datasets.base import DataSize, ProblemData, Split

MEAN, DEVIATION = 0.1307, 0.3081


@dataclass(frozen=True, kw_only=True)
class MNIST(ProblemData):
    """70,000 handwritten digits of 28 x 28 pixels, read from the original local files."""

    label: ClassVar[str] = "MNIST (local files)"

    place: ClassVar[str] = "folder"

    folder: Annotated[str, FileName(HELP)] = "data/mnist"
    limit: Annotated[int, Knob(1, 60_000, "number of training images used", scale="log")] = 10_000

    def build(self, seed: int) -> Split:
        return self._images().split(seed)

    def files(self) -> dict[str, Path]:
        return self._images().files()

    def estimated_size(self) -> DataSize:
        return self._images().size()

    def _images(self) -> IdxImages:
        return IdxImages("MNIST", Path(self.folder), self.limit, MEAN, DEVIATION)

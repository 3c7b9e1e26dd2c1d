"""Fashion-MNIST from local files: Xiao, Rasul and Vollgraf, 2017, arXiv:1708.07747."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from landscape_core.foundation.recipes import FileName, Knob
from landscape_core.models.datasets._idx import HELP, IdxImages
from landscape_core.models.datasets.base import DataSize, ProblemData, Split

MEAN, DEVIATION = 0.2860, 0.3530


@dataclass(frozen=True, kw_only=True)
class FashionMNIST(ProblemData):
    """70,000 images of clothes of 28 x 28 pixels, in files of the format of MNIST."""

    label: ClassVar[str] = "Fashion-MNIST (local files)"

    place: ClassVar[str] = "folder"

    folder: Annotated[str, FileName(HELP)] = "data/fashion-mnist"
    limit: Annotated[int, Knob(1, 60_000, "number of training images used", scale="log")] = 10_000

    def build(self, seed: int) -> Split:
        return self._images().split(seed)

    def files(self) -> dict[str, Path]:
        return self._images().files()

    def estimated_size(self) -> DataSize:
        return self._images().size()

    def _images(self) -> IdxImages:
        return IdxImages("Fashion-MNIST", Path(self.folder), self.limit, MEAN, DEVIATION)

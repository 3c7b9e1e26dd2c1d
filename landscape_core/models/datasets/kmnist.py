"""Kuzushiji-MNIST from local files: Clanuwat and others, 2018, arXiv:1812.01718."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from landscape_core.foundation.recipes import FileName
from landscape_core.models.datasets._idx import HELP, IdxData


@dataclass(frozen=True, kw_only=True)
class KMNIST(IdxData):
    """70,000 cursive Japanese characters of 28 x 28 pixels, in files of the format of MNIST."""

    label: ClassVar[str] = "KMNIST (local files)"
    called: ClassVar[str] = "KMNIST"
    mean: ClassVar[float] = 0.1918
    deviation: ClassVar[float] = 0.3483

    folder: Annotated[str, FileName(HELP)] = "data/kmnist"

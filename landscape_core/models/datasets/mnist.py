"""MNIST from local files: LeCun, Cortes and Burges, 1998."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from landscape_core.foundation.recipes import FileName
from landscape_core.models.datasets._idx import HELP, IdxData


@dataclass(frozen=True, kw_only=True)
class MNIST(IdxData):
    """70,000 handwritten digits of 28 x 28 pixels, read from the original local files."""

    label: ClassVar[str] = "MNIST (local files)"
    called: ClassVar[str] = "MNIST"
    mean: ClassVar[float] = 0.1307
    deviation: ClassVar[float] = 0.3081

    folder: Annotated[str, FileName(HELP)] = "data/mnist"

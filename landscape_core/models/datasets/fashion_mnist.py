"""Fashion-MNIST from local files: Xiao, Rasul and Vollgraf, 2017, arXiv:1708.07747."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from landscape_core.foundation.recipes import FileName
from landscape_core.models.datasets._idx import HELP, IdxData


@dataclass(frozen=True, kw_only=True)
class FashionMNIST(IdxData):
    """70,000 images of clothes of 28 x 28 pixels, in files of the format of MNIST."""

    label: ClassVar[str] = "Fashion-MNIST (local files)"
    called: ClassVar[str] = "Fashion-MNIST"
    mean: ClassVar[float] = 0.2860
    deviation: ClassVar[float] = 0.3530

    folder: Annotated[str, FileName(HELP)] = "data/fashion-mnist"

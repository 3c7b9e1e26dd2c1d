"""What a strategy is: one way to read measures at many points of a plane; all give the same."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from landscape_core.foundation.recipes import Recipe
from landscape_core.slices.reading import Reader, Reading


@dataclass(frozen=True, kw_only=True)
class Strategy(Recipe, ABC):
    """A way to evaluate. It may use the structure of network and plane, never approximate.

    Those of lowest `rank` are tried first: they share most of the work between points.
    """

    rank: ClassVar[int] = 100

    @abstractmethod
    def applies(self, reading: Reading) -> bool:
        """Whether this way can read that."""

    @abstractmethod
    def memory(self, reading: Reading) -> int:
        """The bytes that it takes in addition to data, network and directions, about."""

    def together(self, reading: Reading) -> int:
        """How many points take as long as one, as so many are computed in any case."""
        del reading
        return 1

    @abstractmethod
    def reader(self, reading: Reading) -> Reader:
        """The reader; what is common to all points is computed here, once."""

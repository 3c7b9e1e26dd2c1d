"""The straight line between two points: Goodfellow, Vinyals and Saxe, 2015, arXiv:1412.6544."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from landscape_core.connectivity.paths.base import Curve, Path, chain
from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective


@dataclass(frozen=True, kw_only=True)
class Straight(Path):
    """Linear interpolation between the two minima."""

    label: ClassVar[str] = "straight line"

    @property
    def curves(self) -> int:
        return 1

    @public_call
    def connect(
        self, objective: Objective, first: Vector, last: Vector, seed: int
    ) -> Iterator[Curve]:
        del seed
        yield Curve(chain(objective, first, last, 0))

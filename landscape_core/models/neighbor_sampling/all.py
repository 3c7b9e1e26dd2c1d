"""All neighbours: Kipf and Welling, 2017, arXiv:1609.02907, equation 2."""

from dataclasses import dataclass
from typing import ClassVar

from landscape_core.models.neighbor_sampling.base import Asked, Matrix, Neighbours


@dataclass(frozen=True, kw_only=True)
class All(Neighbours):
    """Full neighbourhood: every training step aggregates over all neighbours."""

    label: ClassVar[str] = "all"
    formula: ClassVar[str] = "P = Â"
    source: ClassVar[str] = "Kipf & Welling, 2017, arXiv:1609.02907"
    exact: ClassVar[bool] = True

    def draw(self, asked: Asked) -> Matrix:
        """Return the rows of Â."""
        return asked.rows

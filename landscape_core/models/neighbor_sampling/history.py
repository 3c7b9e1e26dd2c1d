"""Control variates: Chen, Zhu and Song, 2018, arXiv:1710.10568 (VR-GCN), equation 5."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from landscape_core.foundation.recipes import Knob
from landscape_core.models.neighbor_sampling._uniform import drawn_evenly
from landscape_core.models.neighbor_sampling.base import Asked, Matrix, Neighbours


@dataclass(frozen=True, kw_only=True)
class History(Neighbours):
    """Control variates: historical embeddings of all neighbours, corrected by sampled ones."""

    label: ClassVar[str] = "control variates (VR-GCN)"
    formula: ClassVar[str] = "P (H − H̄) + Â H̄,  Pᵢⱼ = (dᵢ / s) Âᵢⱼ for s random neighbours j of i"
    source: ClassVar[str] = "Chen, Zhu & Song, 2018, arXiv:1710.10568"
    stale: ClassVar[bool] = True

    draws: Annotated[int, Knob(1, 1000, "number of neighbours s sampled per node", "log")] = 2

    def draw(self, asked: Asked) -> Matrix:
        """Sample some entries of each row."""
        return drawn_evenly(asked, self.draws)

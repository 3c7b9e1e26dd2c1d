"""Node-wise sampling: Hamilton, Ying and Leskovec, 2017, arXiv:1706.02216 (GraphSAGE).

A node is one of its own neighbours here, as in Â; GraphSAGE treats it separately.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from landscape_core.foundation.recipes import Knob
from landscape_core.models.neighbor_sampling._uniform import drawn_evenly
from landscape_core.models.neighbor_sampling.base import Asked, Matrix, Neighbours


@dataclass(frozen=True, kw_only=True)
class NodeWise(Neighbours):
    """Each node samples some of its neighbours, independently in each layer."""

    label: ClassVar[str] = "node-wise (GraphSAGE)"
    formula: ClassVar[str] = "Pᵢⱼ = (dᵢ / s) Âᵢⱼ for s random neighbours j of i"
    source: ClassVar[str] = "Hamilton et al., 2017, arXiv:1706.02216"

    draws: Annotated[int, Knob(1, 1000, "number of neighbours s sampled per node", "log")] = 5

    def draw(self, asked: Asked) -> Matrix:
        """Sample some entries of each row."""
        return drawn_evenly(asked, self.draws)

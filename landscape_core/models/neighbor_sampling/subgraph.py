"""Subgraphs of sampled nodes: Zeng, Zhou, Srivastava, Kannan, Prasanna, 2020, arXiv:1907.04931.

The node sampler of GraphSAINT. In the paper the mini-batch is all nodes of the subgraph; here a
sampler draws the mini-batch, and its nodes are added to the subgraph.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from torch import Tensor

from landscape_core.foundation.recipes import Knob
from landscape_core.models.neighbor_sampling._columns import factors, squares
from landscape_core.models.neighbor_sampling.base import Asked, Matrix, Neighbours


@dataclass(frozen=True, kw_only=True)
class Subgraph(Neighbours):
    """Subgraph of the mini-batch and randomly sampled nodes, used in all layers."""

    label: ClassVar[str] = "subgraph (GraphSAINT)"
    formula: ClassVar[str] = "Pᵢⱼ = Âᵢⱼ for j in 𝓑, else kⱼ Âᵢⱼ / (s pⱼ), pⱼ ∝ ‖Â_:j‖², the same j"
    source: ClassVar[str] = "Zeng et al., 2020, arXiv:1907.04931"

    draws: Annotated[
        int, Knob(1, 100_000, "number of nodes s sampled in addition to the mini-batch", "log")
    ] = 128

    def prepare(self, adjacency: Matrix) -> Tensor:
        """Return the squared column norms of Â, (N,)."""
        return squares(adjacency)

    def draw(self, asked: Asked) -> Matrix:
        """Sample columns, the same for all rows and layers."""
        found = factors(asked.prepared, self.draws, asked.common_rng())
        found[asked.batch.cpu()] = 1.0
        return asked.columns(found)

"""Historical embeddings outside the mini-batch (MVS-GNN): Cong et al., 2020, arXiv:2006.13866.

Its importance sampling of nodes is the sampler `minimal_variance`.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation.recipes import Knob
from landscape_core.models.neighbor_sampling.base import Asked, Matrix, Neighbours


@dataclass(frozen=True, kw_only=True)
class MinimalVariance(Neighbours):
    """Current embeddings inside the mini-batch, historical ones outside; deterministic."""

    label: ClassVar[str] = "historical outside the batch (MVS-GNN)"
    formula: ClassVar[str] = "P (H − H̄) + Â H̄,  Pᵢⱼ = Âᵢⱼ for j in 𝓑, else 0"
    source: ClassVar[str] = "Cong et al., 2020, arXiv:2006.13866"
    stale: ClassVar[bool] = True

    refresh: Annotated[
        int,
        Knob(
            1, 1_000_000, "number of mini-batches K between full updates of the embeddings", "log"
        ),
    ] = 20

    def renews(self, count: int) -> bool:
        """Every K-th mini-batch, including the first."""
        return count % self.refresh == 0

    def draw(self, asked: Asked) -> Matrix:
        """Return the columns of the mini-batch."""
        found = torch.zeros(len(asked.adjacency), dtype=torch.float64)
        found[asked.batch.cpu()] = 1.0
        return asked.columns(found)

"""Stale embeddings outside the mini-batch (MVS-GNN): Cong et al., 2020, arXiv:2006.13866.

Its choice of nodes is a sampler of its own, `minimal_variance`.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation.recipes import Knob
from landscape_core.models.neighbor_sampling.base import Asked, Matrix, Neighbours


@dataclass(frozen=True, kw_only=True)
class MinimalVariance(Neighbours):
    """Neighbours in the mini-batch as they are now, all others as they were; nothing is random."""

    label: ClassVar[str] = "stale outside the batch (MVS-GNN)"
    formula: ClassVar[str] = "P (H − H̄) + Â H̄,  Pᵢⱼ = Âᵢⱼ for j in 𝓑, else 0"
    source: ClassVar[str] = "Cong et al., 2020, arXiv:2006.13866"
    stale: ClassVar[bool] = True

    refresh: Annotated[
        int, Knob(1, 1_000_000, "mini-batches K until all embeddings are computed anew", "log")
    ] = 20

    def renews(self, count: int) -> bool:
        """Every K-th mini-batch, the first as well."""
        return count % self.refresh == 0

    def draw(self, asked: Asked) -> Matrix:
        """The columns of the mini-batch."""
        found = torch.zeros(len(asked.adjacency), dtype=torch.float64)
        found[asked.batch.cpu()] = 1.0
        return asked.columns(found)

"""Clusters: Chiang, Liu, Si, Li, Bengio and Hsieh, 2019, arXiv:1905.07953 (ClusterGCN).

In the paper METIS partitions the graph, and the mini-batch is all nodes of the sampled parts. Here
the nodes are ordered by the Cuthill-McKee algorithm, which places neighbours close to each other,
and partitioned into parts of equal size; a sampler draws the mini-batch, and its nodes are added to
the parts.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import torch
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import reverse_cuthill_mckee
from torch import Tensor

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import Knob
from landscape_core.models.neighbor_sampling.base import Asked, Matrix, Neighbours


@dataclass(frozen=True, kw_only=True)
class Clusters(Neighbours):
    """Subgraph of the mini-batch and random clusters of the graph, used in all layers."""

    label: ClassVar[str] = "clusters (Cluster-GCN)"
    formula: ClassVar[str] = "Pᵢⱼ = Âᵢⱼ for j in 𝓑, else (c / s) Âᵢⱼ for j in s random parts of c"
    source: ClassVar[str] = "Chiang et al., 2019, arXiv:1905.07953"

    parts: Annotated[int, Knob(1, 1000, "number of clusters c", "log")] = 20
    draws: Annotated[int, Knob(1, 1000, "number of sampled clusters s", "log")] = 4

    def check(self) -> None:
        """Raise `SpecError` if more clusters are sampled than there are."""
        if self.draws > self.parts:
            raise SpecError("Clusters.draws", self.draws, f"at most parts, {self.parts}")

    def prepare(self, adjacency: Matrix) -> Tensor:
        """Return the cluster index of each node, (N,)."""
        graph = csr_matrix(adjacency.detach().cpu().numpy() != 0)
        order = reverse_cuthill_mckee(graph, symmetric_mode=True).astype(np.int64)
        parts = torch.empty(len(order), dtype=torch.long)
        parts[torch.from_numpy(order)] = torch.arange(len(order)) * self.parts // len(order)
        return parts.to(adjacency.device)

    def draw(self, asked: Asked) -> Matrix:
        """Return the columns of the sampled clusters, the same for all rows and layers."""
        chosen = torch.randperm(self.parts, generator=asked.common_rng())[: self.draws]
        found = torch.isin(asked.prepared.cpu(), chosen).double() * (self.parts / self.draws)
        found[asked.batch.cpu()] = 1.0
        return asked.columns(found)

"""Graph convolutional networks: Kipf and Welling, 2017, arXiv:1609.02907.

H⁰ = X,   Hˡ = σ(Â Hˡ⁻¹ Wˡ + bˡ),   Â = D^-½ (A + I) D^-½,   D the row sums of A + I
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from landscape_core.models.neighbor_sampling.base import Asked, Neighbours
from landscape_core.models.network_blocks import ACTIVATIONS


def normalized(adjacency: Float[Tensor, "N N"]) -> Float[Tensor, "N N"]:
    """The normalized adjacency matrix Â of a graph A without self-loops, (N, N)."""
    looped = adjacency + torch.eye(len(adjacency)).to(adjacency)
    root = looped.sum(dim=1).rsqrt()
    return root[:, None] * looped * root


class GCN(nn.Module):
    """A GCN on one graph: from node indices (n,) to their logits (n, outputs).

    Graph and features are constants: parameters without gradient. Evaluation mode aggregates over
    all neighbours, training mode over those sampled by `neighbours`. In training mode, buffers hold
    the index of the mini-batch and a digest of its nodes (`drawn`) and, if historical embeddings
    are used, these (`histories`) and the updated ones for the next mini-batch (`renewed`), both
    (layers − 1, N, width). So the loss of a mini-batch is one function of the weights however often
    it is evaluated; a mini-batch is identified by its nodes in order.
    """

    drawn: Tensor
    histories: Tensor
    renewed: Tensor

    def __init__(
        self,
        adjacency: Float[Tensor, "N N"],
        features: Float[Tensor, "N F"],
        layers: Sequence[nn.Linear],
        activation: str,
        neighbours: Neighbours,
        seed: int,
    ) -> None:
        """A network with Â, X and layers Wˡ, bˡ; all but the last have the same number of units.

        Args:
            adjacency: Â.
            features: X.
            layers: the linear layers in order.
            activation: σ, a name in `ACTIVATIONS`; not applied after the last layer.
            neighbours: how neighbours are sampled in training mode.
            seed: the seed of the sampling.
        """
        super().__init__()
        self.layers: Any = nn.ModuleList(layers)
        self.activation = ACTIVATIONS[activation]()
        self.neighbours, self.seed = neighbours, seed
        self.adjacency, self.features = _constant(adjacency), _constant(features)
        self.smoothed = _constant(adjacency @ features)  # Â X, which no weight changes
        self.prepared = _constant(neighbours.prepare(adjacency))
        if not neighbours.exact:
            self.register_buffer("drawn", torch.full((2,), -1))
        if neighbours.stale:
            shape = len(layers) - 1, len(features), layers[0].out_features
            for name in ("histories", "renewed"):
                self.register_buffer(name, torch.zeros(shape, dtype=features.dtype))

    def forward(self, nodes: Int64[Tensor, " n"]) -> Float[Tensor, "n outputs"]:
        """The logits of these nodes."""
        if not self.training or self.neighbours.exact:
            return self._exact(nodes)
        count, digest = self._begun(nodes)
        if self.neighbours.renews(count):
            return self._exact(nodes, renewing=self.neighbours.stale)
        return self._drawn(len(self.layers), nodes, nodes, (self.seed, count, digest))

    def _exact(self, nodes: Tensor, *, renewing: bool = False) -> Tensor:
        """Aggregate over all neighbours; if `renewing`, store all hidden embeddings."""
        sums = self.smoothed
        for i, layer in enumerate(self.layers[:-1]):
            hidden = self.activation(layer(sums))
            if renewing:
                self.renewed[i].copy_(hidden.detach())
            last = i == len(self.layers) - 2
            sums = (self.adjacency[nodes] if last else self.adjacency) @ hidden
        return self.layers[-1](sums if len(self.layers) > 1 else sums[nodes])

    def _begun(self, nodes: Tensor) -> tuple[int, int]:
        """The index of this mini-batch and a digest of its nodes; a new one adds 1."""
        raw = hashlib.sha256(nodes.cpu().numpy().tobytes()).digest()
        digest = int.from_bytes(raw[:6], "little")  # also a float64 holds it, in which it is kept
        count, last = self.drawn.tolist()
        if digest != last:
            count += 1
            self.drawn.copy_(torch.tensor([count, digest]))
            if self.neighbours.stale:
                self.histories.copy_(self.renewed)
        return count, digest

    def _drawn(self, layer: int, nodes: Tensor, batch: Tensor, draw: tuple[int, ...]) -> Tensor:
        """The embeddings of some nodes in a layer by sampled neighbours; layer 0: features."""
        if layer == 0:
            return self.features[nodes]
        stale = self.neighbours.stale
        if stale and layer == 1:  # features are never stale
            sums = self.smoothed[nodes]
        else:
            asked = Asked(self.adjacency, nodes, batch, layer, draw, self.prepared)
            rows = self.neighbours.draw(asked)
            used = rows.any(dim=0).nonzero()[:, 0]
            few = rows[:, used]
            sums = few @ self._drawn(layer - 1, used, batch, draw)
            if stale:
                before = self.histories[layer - 2]
                sums = sums + asked.rows @ before - few @ before[used]
        found = self.layers[layer - 1](sums)
        if layer == len(self.layers):
            return found
        hidden = self.activation(found)
        if stale:
            self.renewed[layer - 1, nodes] = hidden.detach()
        return hidden


def _constant(values: Tensor) -> nn.Parameter:
    return nn.Parameter(values, requires_grad=False)

"""The base class of neighbour sampling: a random sparse matrix P in place of rows of Â.

A layer of a graph convolutional network computes the aggregation Â H of the embeddings H (N, width)
of all nodes. For large graphs a training step aggregates over few of them, P H with a random sparse
P, or uses historical embeddings H̄ of earlier steps for the rest, P (H − H̄) + Â H̄. If no P is
given, it is the rows of Â.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from landscape_core.foundation import random_streams
from landscape_core.foundation.recipes import Recipe

Matrix = Float[Tensor, "_ _"]


@dataclass(frozen=True, eq=False)
class Asked:
    """A request for the neighbours of `nodes` (n,) in a layer, counted from 1.

    `adjacency` is Â (N, N), `batch` (B,) the nodes of the mini-batch, `prepared` the result of
    `prepare`. `draw` names the random stream of this mini-batch.
    """

    adjacency: Matrix
    nodes: Int64[Tensor, " n"]
    batch: Int64[Tensor, " B"]
    layer: int
    draw: tuple[int, ...]
    prepared: Tensor

    @property
    def rows(self) -> Matrix:
        """The rows of Â, (n, N)."""
        return self.adjacency[self.nodes]

    def rng(self) -> torch.Generator:
        """The random generator of this layer."""
        return random_streams.stream(self.draw[0], "neighbours", *self.draw[1:], self.layer)

    def common_rng(self) -> torch.Generator:
        """A random generator that is the same in all layers."""
        return random_streams.stream(self.draw[0], "neighbours", *self.draw[1:])

    def columns(self, factors: Float[Tensor, " N"]) -> Matrix:
        """The rows of Â with each column multiplied by a factor, (n, N)."""
        return self.rows * factors.to(self.adjacency)


@dataclass(frozen=True, kw_only=True)
class Neighbours(Recipe, ABC):
    """A neighbour sampling scheme; `formula` defines P, `source` is the citation.

    In the formulas s is the number of samples, d the number of entries of a row of Â, 𝓑 the
    mini-batch. `exact`: no sampling; `stale`: historical embeddings replace those not sampled.
    """

    formula: ClassVar[str]
    source: ClassVar[str]
    exact: ClassVar[bool] = False
    stale: ClassVar[bool] = False

    def prepare(self, adjacency: Matrix) -> Tensor:
        """Precompute a tensor from the graph, once, on its device; by default empty, (0,)."""
        return adjacency.new_zeros(0)

    def renews(self, count: int) -> bool:
        """Whether mini-batch `count`, from 0, updates all historical embeddings."""
        del count
        return False

    @abstractmethod
    def draw(self, asked: Asked) -> Matrix:
        """Sample P, (n, N), in the dtype and on the device of Â.

        Its expectation is the rows of Â, unless P is used with historical embeddings only.
        """

"""What drawing neighbours is: a random sparse matrix in the place of some rows of Â.

A layer of a graph convolutional network takes the sums Â H over the embeddings H (N, width) of all
nodes. For large graphs a training step sums over few of them, P H with a random P of which most
entries are zero, or with stale embeddings H̄ of earlier steps for the rest, P (H − H̄) + Â H̄. Where
there is no P the rows of Â are meant.
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
    """Whose neighbours are wanted: those of `nodes` (n,), in a layer counted from 1.

    `adjacency` is Â (N, N), `batch` (B,) the nodes of the mini-batch, `prepared` what `prepare`
    gave. `draw` names the random numbers of this mini-batch.
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
        """The random numbers of this layer."""
        return random_streams.stream(self.draw[0], "neighbours", *self.draw[1:], self.layer)

    def common_rng(self) -> torch.Generator:
        """Random numbers that are the same in all layers."""
        return random_streams.stream(self.draw[0], "neighbours", *self.draw[1:])

    def columns(self, factors: Float[Tensor, " N"]) -> Matrix:
        """The rows of Â with each column times a factor, (n, N)."""
        return self.rows * factors.to(self.adjacency)


@dataclass(frozen=True, kw_only=True)
class Neighbours(Recipe, ABC):
    """A way to draw. `formula` says what P is, `source` is the citation.

    In the formulas s is a number of draws, d the number of entries of a row of Â, 𝓑 the mini-batch.
    `exact` says that nothing is drawn, `stale` that embeddings of earlier steps stand in for those
    that are not.
    """

    formula: ClassVar[str]
    source: ClassVar[str]
    exact: ClassVar[bool] = False
    stale: ClassVar[bool] = False

    def prepare(self, adjacency: Matrix) -> Tensor:
        """What is computed of the graph once, on its device; by default nothing, (0,)."""
        return adjacency.new_zeros(0)

    def renews(self, count: int) -> bool:
        """Whether mini-batch number `count`, from 0, sums over all and renews what is stale."""
        del count
        return False

    @abstractmethod
    def draw(self, asked: Asked) -> Matrix:
        """P, (n, N), in the dtype and on the device of Â.

        Its mean over the draws is the rows of Â, unless P is used with stale embeddings alone.
        """

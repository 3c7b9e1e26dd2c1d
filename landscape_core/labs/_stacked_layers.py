"""Several ReLU networks on digits as one objective, which optimizers of the catalogue minimize.

The networks have the shape of an `MLP` of the catalogue with two hidden layers, and lie one after
the other in a vector of R·P parameters. Their losses are added, so that the gradient of each is its
own, and rules that work entry by entry treat each as if it were alone. As batches of matrices they
take a fraction of the time of one network after the other.
"""

from dataclasses import dataclass, replace
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from landscape_core.foundation.types import Scalar, Vector
from landscape_core.labs import _digit_networks as networks
from landscape_core.models.objective import Objective
from landscape_core.models.parameters import Layout


@final
@dataclass(frozen=True, eq=False)
class Stack(Objective):
    """The sum of the mean cross-entropies of networks with the layout `single`.

    `inputs` are columns (64, N), `labels` (N,); `layout` is that of all networks together.
    """

    single: Layout
    layout: Layout
    inputs: Tensor
    labels: Tensor
    examples: int

    @classmethod
    def of(
        cls, single: Layout, count: int, inputs: Float[Tensor, "N 64"], labels: Tensor
    ) -> "Stack":
        """The objective of `count` networks on examples (N, 64)."""
        shapes = {
            f"{number}.{block.name}": block.shape
            for number in range(count)
            for block in single.blocks
        }
        layout = Layout.of_shapes(shapes)
        return cls(single, layout, inputs.T.contiguous(), labels, len(labels))

    def layers(self, theta: Vector) -> networks.Layers:
        """Weights (R, out, in) and biases (R, out, 1) in turn, of a vector (R·P,)."""
        rows = theta.view(-1, self.single.size)
        tensors = ((block.has_filters, block.of(rows)) for block in self.single.blocks)
        return [tensor if filters else tensor[..., None] for filters, tensor in tensors]

    def loss(self, theta: Vector) -> Scalar:
        """The sum of the losses of the networks, differentiable."""
        return networks.losses(self.layers(theta), self.inputs, self.labels).sum()

    def gradient(self, theta: Vector) -> Vector:
        """The gradient (R·P,) of that sum, without autograd."""
        slopes = networks.gradient(self.layers(theta.detach()), self.inputs, self.labels)
        return torch.cat([part.flatten(1) for part in slopes], dim=1).flatten()

    def restricted(self, indices: Tensor) -> "Stack":
        """The same over these examples alone."""
        inputs, labels = self.inputs[:, indices], self.labels[indices]
        return replace(self, inputs=inputs, labels=labels, examples=len(labels))

    def accuracy(self, theta: Vector) -> Float[Tensor, " R"]:
        """The fraction of the examples that each network classifies correctly: (R,)."""
        return networks.accuracy(self.layers(theta), self.inputs, self.labels)

"""Residual networks with a factor on their skips, evaluated at many points at once."""

from typing import final

import torch
from torch import Tensor
from torch.nn import functional

from landscape_core.foundation.random_streams import stream
from landscape_core.foundation.types import Scalar, Vector
from landscape_core.models.objective import Objective
from landscape_core.models.parameters import Layout
from landscape_core.planes.directions.base import Viewpoint
from landscape_core.planes.directions.random import Random
from landscape_core.planes.plane import Plane

WIDTH = 32
"""Units of a layer."""


@final
class Networks(Objective):
    """The losses of residual networks that differ in s; called with thetas (S, ..., P) of each.

    As an objective of a single vector it is the loss of the last of them.
    """

    def __init__(
        self, *, shares: Tensor, blocks: int, normalized: bool, seed: int,
        inputs: Tensor, targets: Tensor,
    ) -> None:  # fmt: skip
        """The networks over these examples, with one start of He's for all."""
        sizes = [(inputs.shape[1], WIDTH), *[(WIDTH, WIDTH)] * (2 * blocks), (WIDTH, 10)]
        shapes: dict[str, tuple[int, ...]] = {}
        for i, (fan_in, fan_out) in enumerate(sizes):
            shapes |= {f"{i}.weight": (fan_out, fan_in), f"{i}.bias": (fan_out,)}
        self.layout, self.examples = Layout.of_shapes(shapes), len(inputs)
        self.shares, self.blocks, self.normalized = shares.to(inputs), blocks, normalized
        self.inputs, self.targets, self.seed = inputs, targets, seed
        drawn = stream(seed, "init")
        start = {}
        for name, shape in shapes.items():
            deviation = (2 / shape[-1]) ** 0.5 if len(shape) > 1 else 0.0
            start[name] = (deviation * torch.randn(shape, generator=drawn)).to(inputs)
        self.start = self.layout.join(start)

    def __call__(self, thetas: Tensor) -> Tensor:
        """The mean loss of each network at each of its points, (S, ...), differentiable."""
        points = thetas.reshape(-1, self.layout.size)
        shares = self.shares.repeat_interleave(len(points) // len(self.shares))
        return self._losses(points, shares[:, None, None]).reshape(thetas.shape[:-1])

    def loss(self, theta: Vector) -> Scalar:
        """The loss of the last network."""
        return self._losses(theta[None], self.shares[-1:, None, None])[0]

    def restricted(self, indices: Tensor) -> "Networks":
        """The same networks over these examples."""
        other = object.__new__(Networks)
        vars(other).update(vars(self), inputs=self.inputs[indices], targets=self.targets[indices])
        other.examples = len(indices)
        return other

    def first(self, count: int) -> "Networks":
        """The same networks over the first examples."""
        return self.restricted(torch.arange(min(count, self.examples)))

    def plane(self, theta: Vector, seed: int) -> Plane:
        """The plane of two filter-normalized random directions, the same draw for each network."""
        return Random().span(Viewpoint(self, theta, theta[None], seed))

    def _losses(self, points: Tensor, shares: Tensor) -> Tensor:
        """The mean losses (K,) at points (K, P)."""
        tensors = [block.of(points) for block in self.layout.blocks]
        layers = list(zip(tensors[::2], tensors[1::2], strict=True))
        hidden = _linear(self.inputs.expand(len(points), -1, -1), layers[0]).relu()
        for first, second in zip(layers[1:-1:2], layers[2:-1:2], strict=True):
            branch = self._branch(self._branch(hidden, first).relu(), second)
            hidden = (shares * hidden + branch).relu()
        outputs = _linear(hidden, layers[-1])
        targets = self.targets.expand(len(points), -1)
        losses = functional.cross_entropy(
            outputs.flatten(0, 1), targets.flatten(), reduction="none"
        )
        return losses.view(len(points), -1).mean(1)

    def _branch(self, hidden: Tensor, layer: tuple[Tensor, Tensor]) -> Tensor:
        found = _linear(hidden, layer)
        return functional.layer_norm(found, found.shape[-1:]) if self.normalized else found


def _linear(hidden: Tensor, layer: tuple[Tensor, Tensor]) -> Tensor:
    weight, bias = layer
    return torch.baddbmm(bias[:, None], hidden, weight.mT)

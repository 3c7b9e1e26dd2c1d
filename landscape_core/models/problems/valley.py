"""A curved valley with a saddle: two parameters, so that the plane of the picture is everything.

f(x, y) = ¼ (x² − 1)² + ½ k (y − x²)²: a double well laid along a parabola, as is the valley of
Rosenbrock, 1960, An Automatic Method for Finding the Greatest or Least Value of a Function. The
minima are (1, 1) and (−1, 1), both with f = 0; the saddle is (0, 0), with f = ¼ and the curvatures
−1 along the valley and k across.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn

from landscape_core.foundation import random_streams
from landscape_core.foundation.recipes import Knob
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.problems.base import Instance, Problem


@dataclass(frozen=True, kw_only=True)
class Valley(Problem):
    """Two numbers walk down a steep wall, and along a curved valley from a saddle to a minimum.

    Each example tilts the whole surface by itself, and together they leave it as it is.
    """

    label: ClassVar[str] = "curved valley"

    x: Annotated[float, Knob(-2.0, 2.0, "where the first number starts")] = -0.15
    y: Annotated[float, Knob(-2.0, 2.0, "where the second number starts")] = 1.3
    steepness: Annotated[
        float, Knob(0.1, 1000.0, "curvature k of the walls; along the floor it is about 1", "log")
    ] = 10.0
    noise: Annotated[
        float, Knob(0.0, 100.0, "standard deviation of an example's gradient from the mean")
    ] = 0.0
    points: Annotated[int, Knob(1, 100_000, "examples, each with its own tilt", "log")] = 100

    def build(self, seed: int, device: str = "cpu", dtype: torch.dtype = torch.float32) -> Instance:
        rng = random_streams.stream(seed, "data")
        tilts = torch.randn(self.points, 2, generator=rng, dtype=torch.float64)
        tilts = self.noise * (tilts - tilts.mean(dim=0))
        surface = Surface(self.x, self.y, self.steepness).to(device, dtype)
        inputs = tilts.to(device, dtype)
        train = ModelObjective(surface, height, inputs, torch.zeros_like(inputs[:, :1]))
        return Instance(train, None, train.start, None)


class Surface(nn.Module):
    """From tilts (N, 2) to the heights of the tilted surfaces (N, 1) at the parameters (x, y)."""

    def __init__(self, x: float, y: float, steepness: float) -> None:
        """Stand at a point; as a matrix of one row it counts as a filter."""
        super().__init__()
        self.point = nn.Parameter(torch.tensor([[x, y]], dtype=torch.float64))
        self.steepness = steepness

    def forward(self, tilts: Tensor) -> Tensor:
        """The height of each example's surface, (N, 1)."""
        x, y = self.point[0]
        f = (x.square() - 1).square() / 4 + self.steepness * (y - x.square()).square() / 2
        return f + tilts @ self.point.T


def height(outputs: Tensor, targets: Tensor) -> Tensor:
    """The height of each example's surface, (N,), from (N, 1)."""
    del targets
    return outputs[..., 0]

"""A curved valley with a saddle point: two parameters, so the plane is the whole landscape.

f(x, y) = ¼ (x² − 1)² + ½ k (y − x²)²: a double well along a parabola, like the valley of
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
    """Two-parameter test function with a curved, ill-conditioned valley and a saddle point.

    Each example adds a linear term (a tilt) to the function; the tilts sum to zero.
    """

    label: ClassVar[str] = "curved valley"

    x: Annotated[float, Knob(-2.0, 2.0, "initial value of the first parameter")] = -0.15
    y: Annotated[float, Knob(-2.0, 2.0, "initial value of the second parameter")] = 1.3
    steepness: Annotated[
        float,
        Knob(
            0.1, 1000.0, "curvature k across the valley; along it the curvature is about 1", "log"
        ),
    ] = 10.0
    noise: Annotated[
        float, Knob(0.0, 100.0, "standard deviation of per-example gradients around the mean")
    ] = 0.0
    points: Annotated[
        int, Knob(1, 100_000, "number of examples, each with its own tilt", "log")
    ] = 100

    def build(self, seed: int, device: str = "cpu", dtype: torch.dtype = torch.float32) -> Instance:
        rng = random_streams.stream(seed, "data")
        tilts = torch.randn(self.points, 2, generator=rng, dtype=torch.float64)
        tilts = self.noise * (tilts - tilts.mean(dim=0))
        surface = Surface(self.x, self.y, self.steepness).to(device, dtype)
        inputs = tilts.to(device, dtype)
        train = ModelObjective(surface, height, inputs, torch.zeros_like(inputs[:, :1]))
        return Instance(train, None, train.start, None)


class Surface(nn.Module):
    """A module from tilts (N, 2) to the values of the tilted functions (N, 1) at (x, y)."""

    def __init__(self, x: float, y: float, steepness: float) -> None:
        """Initialize at a point, stored as a one-row matrix (one filter)."""
        super().__init__()
        self.point = nn.Parameter(torch.tensor([[x, y]], dtype=torch.float64))
        self.steepness = steepness

    def forward(self, tilts: Tensor) -> Tensor:
        """Return the value of each example's function, (N, 1)."""
        x, y = self.point[0]
        f = (x.square() - 1).square() / 4 + self.steepness * (y - x.square()).square() / 2
        return f + tilts @ self.point.T


def height(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the value of each example's function, (N,), from (N, 1)."""
    del targets
    return outputs[..., 0]

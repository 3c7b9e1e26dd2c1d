"""Reddi's game: Reddi, Kale, Kumar, 2018, On the Convergence of Adam, arXiv:1904.09237, theorem 2.

A convex online problem on which Adam ends at the worst point. Example t has the loss s x with the
slope s = C if t mod C = 1 and −1 otherwise, for x in [−1, 1]: over C examples the slopes sum to 1,
so that x = −1 is best. With β₁ = 0 and a short memory of the second moment Adam divides the rare
large gradient by about C and the others by about 1, and drifts to x = +1; AMSGrad goes to −1.

The game of the paper is this one in order, one example a step (sampler `in_order`, batch size 1),
with the learning rate α/√t (schedule `inverse`, 1/√k with the period 1); in random order it is much
like the one of theorem 3. The second parameter, y, is a control that the paper does not have: all
its slopes are the mean slope, 1/C, and every rule takes it to −1.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn

from landscape_core.foundation import random_streams
from landscape_core.foundation.recipes import Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.problems.base import Instance, Problem, ProblemSize

WALL = 20.0
"""Curvature of the mean loss beyond the square, where no iterate is: it shows in pictures."""


@dataclass(frozen=True, kw_only=True)
class ReddiGame(Problem):
    """Convex online problem with rare steep slopes, on which Adam ends at the worst point.

    Iterates are projected to the square |x|, |y| ≤ 1 after every step. The optimum is (−1, −1);
    Adam ends at (1, −1).
    """

    label: ClassVar[str] = "Reddi's game"

    period: Annotated[
        int, Knob(3, 100, "period C: one slope C in x, then C − 1 slopes of −1", "log")
    ] = 3
    repetitions: Annotated[
        int, Knob(1, 10_000, "number of periods in the data, C examples each", "log")
    ] = 100

    @property
    def optimum(self) -> tuple[float, float]:
        """The x and y of least mean loss, −2/C."""
        return (-1.0, -1.0)

    def estimated_size(self) -> ProblemSize:
        count = self.period * self.repetitions
        return ProblemSize(2, count, 24 * count)

    def build(self, seed: int, device: str = "cpu", dtype: torch.dtype = torch.float32) -> Instance:
        slopes = torch.full((self.period, 2), -1.0, dtype=torch.float64)
        slopes[0, 0], slopes[:, 1] = self.period, 1.0 / self.period
        inputs = slopes.repeat(self.repetitions, 1).to(device, dtype)
        rng = random_streams.stream(seed, "init")
        start = 2.0 * torch.rand(1, 2, generator=rng, dtype=torch.float64) - 1.0
        place = Place(start).to(device, dtype)
        train = ModelObjective(place, cost, inputs, torch.zeros_like(inputs[:, :1]))
        return Instance(train, None, train.start, None, within=Square())


class Place(nn.Module):
    """A module from slopes (N, 2) to the costs (N, 1) of being at (x, y)."""

    def __init__(self, point: Tensor) -> None:
        """Initialize at a point, stored as a one-row matrix (one filter), (1, 2)."""
        super().__init__()
        self.point = nn.Parameter(point)

    def forward(self, slopes: Tensor) -> Tensor:
        """Return the cost of each example, (N, 1); beyond the square a parabola is added."""
        beyond = self.point - self.point.clamp(-1.0, 1.0)
        return slopes @ self.point.T + WALL / 2 * beyond.square().sum()


@dataclass(frozen=True)
class Square:
    """The projection to the square |x|, |y| ≤ 1."""

    def __call__(self, theta: Vector) -> Vector:
        """Return the nearest point of the square."""
        return theta.clamp(-1.0, 1.0)


def cost(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the cost of each example, (N,), from (N, 1)."""
    del targets
    return outputs[..., 0]

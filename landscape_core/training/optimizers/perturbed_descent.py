"""Perturbed gradient descent: Jin, Ge, Netrapalli, Kakade, Jordan, 2017, arXiv:1703.00887.

How to Escape Saddle Points Efficiently, algorithm 2: gradient descent which, where the gradient is
small and T steps have passed since the last time, first moves to a random point of a ball around
the iterate. The paper derives η, the bound G, the radius r and the waiting time T from the
smoothness of the loss; here they are fields. Its algorithm stops where T steps after a move the
loss has not fallen enough; a run goes on instead. The gradient is that of the mini-batch, so that
with small batches its norm may stay above the bound at a saddle point.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation import random_streams
from landscape_core.foundation.recipes import Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective
from landscape_core.training.optimizers.base import LEARNING_RATE, Optimizer

Times = tuple[int, int]
"""Number of steps t, and the step s of the last perturbation."""


@dataclass(frozen=True, kw_only=True)
class PerturbedDescent(Optimizer[Times]):
    """Gradient descent that moves to a random point near by where the gradient is small."""

    label: ClassVar[str] = "Perturbed gradient descent"
    family: ClassVar[str] = "gradient descent"
    formula: ClassVar[str] = (
        "if ‖g‖ ≤ G and t − s > T:  s ← t;  θ ← θ + ξ, ξ uniform in a ball of radius r, g there;"
        "  then θ ← θ − ηg"
    )
    source: ClassVar[str] = (
        "Jin, Ge, Netrapalli, Kakade & Jordan, 2017, How to Escape Saddle Points Efficiently,"
        " algorithm 2"
    )

    learning_rate: Annotated[float, LEARNING_RATE] = 0.1
    bound: Annotated[
        float, Knob(0.0, 100.0, "norm G of the gradient up to which the iterate is perturbed")
    ] = 1e-3
    radius: Annotated[float, Knob(0.0, 10.0, "radius r of the ball of perturbations")] = 0.01
    wait: Annotated[
        int, Knob(0, 100_000, "waiting time T: steps after a perturbation without another")
    ] = 50
    seed: Annotated[int, Knob(0, 2**31 - 1, "random seed of the perturbations")] = 0

    def init(self, theta: Vector) -> Times:
        """Return t = 0 and s = −1 − T: the first small gradient leads to a perturbation."""
        del theta
        return 0, -1 - self.wait

    def step(self, objective: Objective, theta: Vector, memory: Times) -> tuple[Vector, Times]:
        """Take a step of gradient descent, from a random point near by where that is due."""
        t, s = memory
        g = objective.gradient(theta)
        if t - s > self.wait and float(g.norm()) <= self.bound:
            theta, s = theta + self._perturbation(theta, t), t
            g = objective.still.gradient(theta)
        return torch.sub(theta, g, alpha=self.learning_rate), (t + 1, s)

    def _perturbation(self, theta: Vector, t: int) -> Vector:
        """A vector (P,), uniform in the ball: its length is r times the P-th root of a uniform."""
        rng = random_streams.stream(self.seed, "perturbation", t)
        normal = torch.randn(theta.shape, generator=rng, dtype=torch.float64)
        length = self.radius * float(torch.rand((), generator=rng, dtype=torch.float64)) ** (
            1 / max(1, len(theta))
        )
        return (length * normal / normal.norm()).to(theta)

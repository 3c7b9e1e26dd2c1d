"""NEON: Xu, Jin and Yang, 2017, arXiv:1711.01944.

First-order Stochastic Algorithms for Escaping From Saddle Points in Almost Linear Time: gradient
descent with the first of the paper's procedures, NEON (NEON+ adds Nesterov's momentum). Where the
gradient is small, a direction of negative curvature is found by gradients alone: from noise u on a
sphere, u ← u − η(∇f(θ+u) − ∇f(θ)) is nearly the power method for I − ηH. If the curvature along
v = u/‖u‖ is c = v·(∇f(θ+u) − ∇f(θ))/‖u‖ < −γ, the iterate takes a step of length 2|c|/L₂ along v,
downhill; with the Hessian's Lipschitz constant L₂ the loss falls by at least 2|c|³/(3L₂²).

What differs from the paper: it derives r, T and U from the smoothness of the loss, here they are
fields. It takes the u of least f(θ+u) − f(θ) − ∇f(θ)·u, if that is low enough; here it is the last
u with ‖u‖ ≤ U, and c decides, which needs no difference of nearly equal losses. Without such a
direction the paper stops; a run goes on with gradient steps, and searches again after a waiting
time. All gradients of a step are of the same mini-batch; with dropout each has a mask of its own,
and c is noise. A search costs up to T + 1 gradients.
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
"""Number of steps t, and the step s of the last search for negative curvature."""


@dataclass(frozen=True, kw_only=True)
class NEON(Optimizer[Times]):
    """Gradient descent that finds negative curvature at saddle points from noise and gradients."""

    label: ClassVar[str] = "NEON"
    family: ClassVar[str] = "gradient descent"
    formula: ClassVar[str] = (
        "θ ← θ − ηg;  if ‖g‖ ≤ G: u of length r at random, T times u ← u − ηd, d = ∇f(θ+u) − g;  "
        "v = u/‖u‖;  c = v·d/‖u‖;  if c < −γ: θ ← θ − sign(v·g) 2|c|/L₂ v"
    )
    source: ClassVar[str] = (
        "Xu, Jin & Yang, 2017, First-order Stochastic Algorithms for Escaping From Saddle Points in"
        " Almost Linear Time"
    )

    learning_rate: Annotated[float, LEARNING_RATE] = 0.1
    bound: Annotated[
        float, Knob(0.0, 100.0, "norm G of the gradient up to which negative curvature is sought")
    ] = 1e-3
    radius: Annotated[float, Knob(1e-8, 1.0, "length r of the noise", "log")] = 1e-3
    farthest: Annotated[
        float, Knob(1e-8, 10.0, "bound U on ‖u‖, at which the search ends", "log")
    ] = 0.1
    iterations: Annotated[int, Knob(1, 10_000, "maximum number T of iterations of u", "log")] = 50
    curvature: Annotated[
        float, Knob(0.0, 100.0, "least negative curvature γ along which a step is taken")
    ] = 1e-3
    smoothness: Annotated[
        float, Knob(1e-4, 1e6, "Lipschitz constant L₂ of the Hessian: steps 2|c|/L₂ long", "log")
    ] = 10.0
    wait: Annotated[int, Knob(0, 100_000, "waiting time: steps after a search without another")] = (
        50
    )
    seed: Annotated[int, Knob(0, 2**31 - 1, "random seed of the noise")] = 0

    def init(self, theta: Vector) -> Times:
        """Return t = 0 and s such that the first small gradient leads to a search."""
        del theta
        return 0, -1 - self.wait

    def step(self, objective: Objective, theta: Vector, memory: Times) -> tuple[Vector, Times]:
        """Take a step along negative curvature where the gradient is small, else along −g."""
        t, s = memory
        g = objective.gradient(theta)
        if t - s > self.wait and float(g.norm()) <= self.bound:
            v, c = self._direction(objective, theta, g, t)
            if c < -self.curvature:
                downhill = -1.0 if float(v @ g) > 0 else 1.0
                return torch.add(theta, v, alpha=downhill * 2 * -c / self.smoothness), (t + 1, t)
            s = t
        return torch.sub(theta, g, alpha=self.learning_rate), (t + 1, s)

    def _direction(
        self, objective: Objective, theta: Vector, g: Vector, t: int
    ) -> tuple[Vector, float]:
        """The unit vector v (P,) that the noise becomes, and the curvature c along it."""
        u = self._noise(theta, t)
        change = objective.still.gradient(theta + u) - g
        for _ in range(self.iterations):
            further = torch.sub(u, change, alpha=self.learning_rate)
            length = float(further.norm())
            if not 0 < length <= self.farthest:
                break
            u = further
            change = objective.still.gradient(theta + u) - g
        squared = float(u @ u)
        return u / squared**0.5, float(u @ change) / squared

    def _noise(self, theta: Vector, t: int) -> Vector:
        """A vector (P,), uniform on the sphere of radius r."""
        rng = random_streams.stream(self.seed, "noise", t)
        normal = torch.randn(theta.shape, generator=rng, dtype=torch.float64)
        return (self.radius * normal / normal.norm()).to(theta)

"""Catalyst: Lin, Mairal and Harchaoui, 2015, arXiv:1506.02186.

A Universal Catalyst for First-Order Optimization, algorithm 1: an accelerated proximal point
method, whose problems minₓ f(x) + κ/2 ‖x − y‖² are solved inexactly by another method. Here that is
SVRG (Johnson and Zhang, 2013), with one snapshot at the start of each problem; for all examples at
once it is gradient descent. θ is the iterate of that method, which starts each problem at the
solution of the last one, as in the paper. It takes a fixed number of epochs in place of the paper's
accuracy εₖ, as in criterion C3 of the longer version, arXiv:1712.05654. The constant μ of strong
convexity gives q = μ/(μ+κ) and α₀ = √q; without one q = 0 and α₀ = (√5−1)/2. For SVRG the paper
chooses κ = (L−μ)/(n+1) − μ.
"""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation.recipes import Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective
from landscape_core.training.full_gradient import reduced_gradient, snapshot_gradient
from landscape_core.training.optimizers.base import LEARNING_RATE, Optimizer

Proximal = tuple[int, float, Vector, Vector, Vector | None]
"""Examples since the problem began, α, its start w (the last solution), its centre y, ∇f(w)."""


@dataclass(frozen=True, kw_only=True)
class Catalyst(Optimizer[Proximal | None]):
    """Accelerates SVRG by a sequence of better conditioned problems around extrapolated points."""

    label: ClassVar[str] = "Catalyst (SVRG)"
    family: ClassVar[str] = "variance reduction"
    formula: ClassVar[str] = (
        "g = ∇f_B(θ) − ∇f_B(w) + ∇f(w) + κ(θ − y);  θ ← θ − ηg;  every few epochs α₊² = (1−α₊)α² + "
        "qα₊;  y ← θ + α(1−α)/(α² + α₊) (θ − w);  w ← θ;  α ← α₊"
    )
    source: ClassVar[str] = (
        "Lin, Mairal & Harchaoui, 2015, A Universal Catalyst for First-Order Optimization"
    )

    learning_rate: Annotated[float, LEARNING_RATE] = 0.1
    kappa: Annotated[
        float, Knob(1e-8, 1e4, "coefficient κ of the quadratic term of each problem", "log")
    ] = 0.1
    interval: Annotated[
        float, Knob(0.01, 1000.0, "number of epochs of SVRG on each problem", "log")
    ] = 2.0
    convexity: Annotated[
        float, Knob(0.0, 1e4, "strong convexity constant μ of the loss; 0: convex, or not known")
    ] = 0.0

    def init(self, theta: Vector) -> None:
        """Return the initial state: no problem; the first step sets it."""
        del theta

    def kept_vectors(self) -> float:
        """The start and the centre of the problem, and the gradient at the start."""
        return 3

    def step(
        self, objective: Objective, theta: Vector, memory: Proximal | None
    ) -> tuple[Vector, Proximal]:
        """Take a step of SVRG on the present problem."""
        seen, alpha, w, y, full = self._problem(objective, theta, memory)
        g = reduced_gradient(objective, theta, w, full) + self.kappa * (theta - y)
        moved = torch.sub(theta, g, alpha=self.learning_rate)
        return moved, (seen + objective.examples, alpha, w, y, full)

    def _problem(self, objective: Objective, theta: Vector, memory: Proximal | None) -> Proximal:
        """The state, at the next problem where that is due."""
        q = self.convexity / (self.convexity + self.kappa)
        if memory is None:
            alpha, y = math.sqrt(q) if q else (math.sqrt(5) - 1) / 2, theta
        elif memory[0] < self.interval * objective.whole.examples:
            return memory
        else:
            _, before, w, _, _ = memory
            b = before**2 - q
            alpha = (math.sqrt(b**2 + 4 * before**2) - b) / 2
            y = torch.add(theta, theta - w, alpha=before * (1 - before) / (before**2 + alpha))
        return 0, alpha, theta, y, snapshot_gradient(objective, theta)

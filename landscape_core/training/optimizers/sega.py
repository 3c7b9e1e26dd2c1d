"""SEGA: Hanzely, Mishchenko and Richtárik, 2018, SEGA: Variance Reduction via Gradient Sketching.

For games it is SEGA-SGDA of Beznosikov, Gorbunov, Berard and Loizou, 2023, Stochastic Gradient
Descent-Ascent, arXiv:2202.07262.

Each step evaluates only K of the d partial derivatives; the estimate h replaces the others. With a
non-smooth penalty the gradient at the solution is not zero, and coordinate descent without such an
estimate keeps its variance; here h converges to that gradient. The step size must be at most about
K/(dL).
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation import random_streams
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective
from landscape_core.training.distributed_workers import KEEP, SEED, kept_coordinates
from landscape_core.training.optimizers.base import LEARNING_RATE, Optimizer

Learned = tuple[int, Vector]
"""The step count and the gradient estimate h."""


@dataclass(frozen=True, kw_only=True)
class SEGA(Optimizer[Learned]):
    """Variance-reduced coordinate descent by gradient sketching; for minimization and games."""

    label: ClassVar[str] = "SEGA (coordinates)"
    family: ClassVar[str] = "compressed"
    formula: ClassVar[str] = (
        "for K random j of the d coordinates Δⱼ = gⱼ − hⱼ, else 0;  g ← h + (d/K) Δ;  h ← h + Δ;  "
        "θ ← prox(θ − ηg)"
    )
    source: ClassVar[str] = (
        "Hanzely, Mishchenko & Richtárik, 2018, SEGA: Variance Reduction via Gradient Sketching; "
        "Beznosikov et al., 2023, Stochastic Gradient Descent-Ascent"
    )

    learning_rate: Annotated[float, LEARNING_RATE] = 0.02
    keep: Annotated[float, KEEP] = 0.1
    seed: Annotated[int, SEED] = 0

    def init(self, theta: Vector) -> Learned:
        """Return the initial state: h = 0."""
        return 0, torch.zeros_like(theta)

    def step(self, objective: Objective, theta: Vector, memory: Learned) -> tuple[Vector, Learned]:
        """Take a step of size η along the negative gradient estimate, then the proximal map."""
        step, h = memory
        size = len(theta)
        count = kept_coordinates(self.keep, size)
        rng = random_streams.stream(self.seed, "coordinates", step)
        asked = torch.randperm(size, generator=rng)[:count].to(theta.device)
        changes = (objective.gradient(theta) - h)[asked]
        g = h.index_add(0, asked, changes, alpha=size / count)
        moved = torch.sub(theta, g, alpha=self.learning_rate)
        learned = h.index_add(0, asked, changes)
        return objective.prox(moved, self.learning_rate), (step + 1, learned)

"""DIANA: Mishchenko, Gorbunov, Takáč and Richtárik, 2019, arXiv:1901.09269.

Distributed Learning with Compressed Gradient Differences; for games it is DIANA-SGDA of Beznosikov,
Gorbunov, Berard and Loizou, 2023, Stochastic Gradient Descent-Ascent, arXiv:2202.07262.

Workers compress the difference between their gradient and a shift h, which converges to the
worker's gradient at the solution with rate α = 1/(1 + ω), ω the variance factor of the compression.
With exact gradients the differences vanish, so a constant step size converges; the noise of
mini-batches remains.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation import random_streams
from landscape_core.foundation.types import Vector, Vectors
from landscape_core.models.objective import Objective
from landscape_core.training.distributed_workers import (
    COMPRESSOR,
    KEEP,
    SEED,
    WORKERS,
    Compressor,
    evaluate_batch,
    worker_gradients,
)
from landscape_core.training.optimizers.base import LEARNING_RATE, Optimizer

Learned = tuple[int, Vectors]
"""The step count and the shift h of each worker, (M, P)."""


@dataclass(frozen=True, kw_only=True)
class DIANA(Optimizer[Learned | None]):
    """Distributed SGD with compressed gradient differences; for minimization and games."""

    label: ClassVar[str] = "DIANA (compressed)"
    family: ClassVar[str] = "compressed"
    formula: ClassVar[str] = (
        "Δₘ = Q(gₘ − hₘ), gₘ the contribution of worker m to the gradient;  g = Σ (hₘ +"
        " Δₘ);  hₘ ← hₘ + αΔₘ;  θ ← prox(θ − ηg)"
    )
    source: ClassVar[str] = (
        "Mishchenko, Gorbunov, Takáč & Richtárik, 2019, Distributed Learning with Compressed "
        "Gradient Differences; Beznosikov et al., 2023, Stochastic Gradient Descent-Ascent"
    )

    learning_rate: Annotated[float, LEARNING_RATE] = 0.05
    workers: Annotated[int, WORKERS] = 10
    compressor: Annotated[str, COMPRESSOR] = "random"
    keep: Annotated[float, KEEP] = 0.5
    seed: Annotated[int, SEED] = 0

    def init(self, theta: Vector) -> None:
        """Return the initial state: h = 0."""
        del theta

    def step(
        self, objective: Objective, theta: Vector, memory: Learned | None
    ) -> tuple[Vector, Learned]:
        """Take a step of size η along the negative gradient estimate, then the proximal map."""
        evaluate_batch(objective, theta)
        own = worker_gradients(objective, theta, self.workers)
        step, h = memory or (0, torch.zeros_like(own))
        compressor = Compressor(self.compressor, self.keep)
        changes = compressor(own - h, random_streams.stream(self.seed, "compression", step))
        g = (h + changes).sum(0)
        h = torch.add(h, changes, alpha=1 / (1 + compressor.omega(len(theta))))
        moved = torch.sub(theta, g, alpha=self.learning_rate)
        return objective.prox(moved, self.learning_rate), (step + 1, h)

    def sent(self, size: int) -> float:
        """The mean number of floats per step and worker, for this number of parameters."""
        return Compressor(self.compressor, self.keep).sent(size)

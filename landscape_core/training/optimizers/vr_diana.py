"""VR-DIANA: Horváth, Kovalev, Mishchenko, Stich and Richtárik, 2019, arXiv:1904.05115.

Stochastic Distributed Learning with Gradient Quantization and Variance Reduction; for games it is
VR-DIANA-SGDA of Beznosikov, Gorbunov, Berard and Loizou, 2023, arXiv:2202.07262.

DIANA whose workers correct their mini-batches by full gradients of their own data at a common
anchor w, as loopless SVRG does: neither compression nor mini-batches leave noise at the solution.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation import random_streams
from landscape_core.foundation.types import Vector, Vectors
from landscape_core.models.objective import Objective
from landscape_core.training.optimizers._workers import (
    ANCHOR,
    COMPRESSOR,
    KEEP,
    SEED,
    WORKERS,
    Compressor,
    anchored,
    noted,
    shares,
)
from landscape_core.training.optimizers.base import LEARNING_RATE, Optimizer

Learned = tuple[int, Vectors, Vector, Vectors]
"""The number of steps taken, h of each worker (M, P), w, and the workers' full gradients there."""


@dataclass(frozen=True, kw_only=True)
class VRDIANA(Optimizer[Learned | None]):
    """DIANA that also takes away the noise of mini-batches; for losses and games."""

    label: ClassVar[str] = "VR-DIANA (compressed)"
    family: ClassVar[str] = "compressed"
    formula: ClassVar[str] = (
        "Δₘ = Q(gₘ(θ) − gₘ(w) + Fₘ(w) − hₘ), F the full gradient, m a worker's share;  "
        "g = Σ (hₘ + Δₘ);  hₘ ← hₘ + αΔₘ;  with probability p: w ← θ;  θ ← prox(θ − ηg)"
    )
    source: ClassVar[str] = (
        "Horváth, Kovalev, Mishchenko, Stich & Richtárik, 2019, Stochastic Distributed Learning "
        "with Gradient Quantization and Variance Reduction; Beznosikov et al., 2023, Stochastic "
        "Gradient Descent-Ascent"
    )

    learning_rate: Annotated[float, LEARNING_RATE] = 0.05
    workers: Annotated[int, WORKERS] = 10
    compressor: Annotated[str, COMPRESSOR] = "random"
    keep: Annotated[float, KEEP] = 0.5
    probability: Annotated[float, ANCHOR] = 0.0
    seed: Annotated[int, SEED] = 0

    def init(self, theta: Vector) -> None:
        """Nothing learned; h begins at zero, w where the first step does."""
        del theta

    def step(
        self, objective: Objective, theta: Vector, memory: Learned | None
    ) -> tuple[Vector, Learned]:
        """One step of size η against the sum of memories and changes, and the proximal map."""
        noted(objective, theta)
        own = shares(objective, theta, self.workers)
        if memory is None:
            memory = 0, torch.zeros_like(own), theta, self._full(objective, theta)
        step, h, w, full = memory
        corrected = own - shares(objective, w, self.workers) + full
        compressor = Compressor(self.compressor, self.keep)
        changes = compressor(corrected - h, random_streams.stream(self.seed, "compression", step))
        g = (h + changes).sum(0)
        h = torch.add(h, changes, alpha=1 / (1 + compressor.omega(len(theta))))
        if anchored(self.probability, objective, self.seed, step):
            w, full = theta, self._full(objective, theta)
        moved = torch.sub(theta, g, alpha=self.learning_rate)
        return objective.prox(moved, self.learning_rate), (step + 1, h, w, full)

    def sent(self, size: int) -> float:
        """How many numbers each worker sends in a step, for so many parameters."""
        return Compressor(self.compressor, self.keep).sent(size)

    def _full(self, objective: Objective, w: Vector) -> Vectors:
        return shares(objective.whole, w, self.workers)

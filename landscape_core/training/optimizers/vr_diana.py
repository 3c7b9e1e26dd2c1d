"""VR-DIANA: Horváth, Kovalev, Mishchenko, Stich and Richtárik, 2019, arXiv:1904.05115.

Stochastic Distributed Learning with Gradient Quantization and Variance Reduction; for games it is
VR-DIANA-SGDA of Beznosikov, Gorbunov, Berard and Loizou, 2023, arXiv:2202.07262.

DIANA whose workers apply loopless SVRG with a common reference point w to their own data: at the
solution neither compression nor mini-batch sampling contributes variance.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation import random_streams
from landscape_core.foundation.types import Vector, Vectors
from landscape_core.models.objective import Objective
from landscape_core.training.distributed_workers import (
    ANCHOR,
    COMPRESSOR,
    KEEP,
    SEED,
    WORKERS,
    Compressor,
    evaluate_batch,
    recomputes_anchor,
    worker_gradients,
)
from landscape_core.training.optimizers.base import LEARNING_RATE, Optimizer

Learned = tuple[int, Vectors, Vector, Vectors]
"""The step count, the shift h of each worker (M, P), w, and the workers' full gradients there."""


@dataclass(frozen=True, kw_only=True)
class VRDIANA(Optimizer[Learned | None]):
    """DIANA with variance reduction of the mini-batch gradients; for minimization and games."""

    label: ClassVar[str] = "VR-DIANA (compressed)"
    family: ClassVar[str] = "compressed"
    formula: ClassVar[str] = (
        "Δₘ = Q(gₘ(θ) − gₘ(w) + Fₘ(w) − hₘ), F the full gradient, index m for worker "
        "m's contribution;  g = Σ (hₘ + Δₘ);  hₘ ← hₘ + αΔₘ;  with probability p: w ← "
        "θ;  θ ← prox(θ − ηg)"
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
        """Return the initial state: h = 0, no reference point."""
        del theta

    def step(
        self, objective: Objective, theta: Vector, memory: Learned | None
    ) -> tuple[Vector, Learned]:
        """Take a step of size η along the negative gradient estimate, then the proximal map."""
        evaluate_batch(objective, theta)
        own = worker_gradients(objective, theta, self.workers)
        if memory is None:
            memory = 0, torch.zeros_like(own), theta, self._full(objective, theta)
        step, h, w, full = memory
        corrected = own - worker_gradients(objective, w, self.workers) + full
        compressor = Compressor(self.compressor, self.keep)
        changes = compressor(corrected - h, random_streams.stream(self.seed, "compression", step))
        g = (h + changes).sum(0)
        h = torch.add(h, changes, alpha=1 / (1 + compressor.omega(len(theta))))
        if recomputes_anchor(self.probability, objective, self.seed, step):
            w, full = theta, self._full(objective, theta)
        moved = torch.sub(theta, g, alpha=self.learning_rate)
        return objective.prox(moved, self.learning_rate), (step + 1, h, w, full)

    def sent(self, size: int) -> float:
        """The mean number of floats per step and worker, for this number of parameters."""
        return Compressor(self.compressor, self.keep).sent(size)

    def _full(self, objective: Objective, w: Vector) -> Vectors:
        return worker_gradients(objective.whole, w, self.workers)

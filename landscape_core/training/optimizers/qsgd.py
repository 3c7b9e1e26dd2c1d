"""QSGD: Alistarh, Grubic, Li, Tomioka and Vojnovic, 2017, arXiv:1610.02132.

Communication-Efficient SGD via Gradient Quantization and Encoding; for games it is QSGDA of
Beznosikov, Gorbunov, Berard and Loizou, 2023, Stochastic Gradient Descent-Ascent, arXiv:2202.07262.

Even with exact gradients the variance of Q does not vanish at the solution if the workers' own
gradients are not zero there, so a constant step size converges to a neighbourhood of it. With one
worker and `random` it is randomized coordinate descent.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation import random_streams
from landscape_core.foundation.types import Vector
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


@dataclass(frozen=True, kw_only=True)
class QSGD(Optimizer[int]):
    """Distributed SGD with unbiased gradient compression; for minimization and games."""

    label: ClassVar[str] = "QSGD (compressed)"
    family: ClassVar[str] = "compressed"
    formula: ClassVar[str] = (
        "g = Σ Q(gₘ), gₘ the contribution of worker m to the gradient, Q a random "
        "compression;  θ ← prox(θ − ηg)"
    )
    source: ClassVar[str] = (
        "Alistarh, Grubic, Li, Tomioka & Vojnovic, 2017, QSGD; Beznosikov et al., 2023, "
        "Stochastic Gradient Descent-Ascent"
    )

    learning_rate: Annotated[float, LEARNING_RATE] = 0.05
    workers: Annotated[int, WORKERS] = 10
    compressor: Annotated[str, COMPRESSOR] = "random"
    keep: Annotated[float, KEEP] = 0.5
    seed: Annotated[int, SEED] = 0

    def init(self, theta: Vector) -> int:
        """Return the initial step count, 0."""
        del theta
        return 0

    def step(self, objective: Objective, theta: Vector, memory: int) -> tuple[Vector, int]:
        """Take a step of size η along the sum of compressed gradients, then the proximal map."""
        evaluate_batch(objective, theta)
        rng = random_streams.stream(self.seed, "compression", memory)
        own = worker_gradients(objective, theta, self.workers)
        g = Compressor(self.compressor, self.keep)(own, rng).sum(0)
        moved = torch.sub(theta, g, alpha=self.learning_rate)
        return objective.prox(moved, self.learning_rate), memory + 1

    def sent(self, size: int) -> float:
        """The mean number of floats per step and worker, for this number of parameters."""
        return Compressor(self.compressor, self.keep).sent(size)

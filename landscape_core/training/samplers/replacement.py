"""Sampling with replacement: Robbins and Monro, 1951, A Stochastic Approximation Method."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from landscape_core.foundation import random_streams
from landscape_core.models.objective import Objective
from landscape_core.training.samplers.base import Asked, Sampler


@dataclass(frozen=True, kw_only=True)
class Replacement(Sampler[None]):
    """Sampling with replacement: each example of a batch is drawn independently."""

    label: ClassVar[str] = "with replacement"
    formula: ClassVar[str] = "each of the B examples: any of the N, with probability 1/N"
    source: ClassVar[str] = "Robbins & Monro, 1951, A Stochastic Approximation Method"

    def init(self, examples: int) -> None:
        """Return the initial state: none."""
        del examples

    def draw(self, asked: Asked, memory: None) -> tuple[Objective, None]:
        """Return B examples drawn independently."""
        rng = random_streams.stream(asked.seed, "draws", asked.step)
        drawn = torch.randint(asked.whole.examples, (asked.size,), generator=rng)
        return asked.whole.minibatch(drawn.to(asked.theta.device)), memory

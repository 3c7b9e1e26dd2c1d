"""Random reshuffling: each epoch uses every example once, in a new random order."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from landscape_core.foundation import random_streams
from landscape_core.models.objective import Objective
from landscape_core.training.samplers.base import Asked, Sampler

Epoch = tuple[int, Tensor]
"""The epoch number and its permutation of the examples, shape (N,)."""


@dataclass(frozen=True, kw_only=True)
class Shuffled(Sampler[Epoch]):
    """Random reshuffling: every example once per epoch, in a new random order."""

    label: ClassVar[str] = "shuffled"
    formula: ClassVar[str] = "batch k of an epoch: π(kB), …, π(kB + B − 1), π a random permutation"
    source: ClassVar[str] = (
        "Bottou, 2009, Curiously Fast Convergence of some Stochastic Gradient Descent Algorithms"
    )

    def init(self, examples: int) -> Epoch:
        """Return the initial state: no epoch."""
        del examples
        return -1, torch.empty(0, dtype=torch.long)

    def draw(self, asked: Asked, memory: Epoch) -> tuple[Objective, Epoch]:
        """Return the next B examples of the epoch, or the remaining ones."""
        total = asked.whole.examples
        epoch, offset = divmod(asked.seen, total)
        if memory[0] != epoch:
            rng = random_streams.stream(asked.seed, "batches", epoch)
            memory = epoch, torch.randperm(total, generator=rng).to(asked.theta.device)
        end = offset + asked.size
        if end == total - 1 and asked.size > 1:
            end += 1  # a batch of one example has no statistics: it joins the one before
        return asked.whole.minibatch(memory[1][offset:end]), memory

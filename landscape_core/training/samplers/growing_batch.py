"""A batch size that grows during the run: S. Smith, Kindermans, Ying, Le, 2018, arXiv:1711.00489.

The gradient noise of SGD falls with η/B: a batch that is a times larger after every T steps lowers
it as a learning rate that is a times smaller, the schedule of step decay, but needs fewer steps for
an epoch. Their experiments do so up to a largest batch size, and then lower the learning rate.
"""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor

from landscape_core.foundation import random_streams
from landscape_core.foundation.recipes import Knob
from landscape_core.models.objective import Objective
from landscape_core.training.samplers.base import Asked, Sampler

Epoch = tuple[int, Tensor, int]
"""The epoch number, its permutation of the examples (N,), and how many of them were used."""


@dataclass(frozen=True, kw_only=True)
class GrowingBatch(Sampler[Epoch]):
    """Random reshuffling with full batches whose size is multiplied every T steps."""

    label: ClassVar[str] = "growing batch"
    formula: ClassVar[str] = (
        "at step k: the next min(⌊B a^⌊k/T⌋⌋, M, N) examples of a random permutation, of a new one"
        " where fewer are left"
    )
    source: ClassVar[str] = (
        "Smith, Kindermans, Ying & Le, 2018, Don't Decay the Learning Rate, Increase the Batch Size"
    )

    factor: Annotated[
        float, Knob(1.0, 100.0, "factor a on the batch size after each period", "log")
    ] = 2.0
    period: Annotated[int, Knob(1, 100_000_000, "period T in steps", "log")] = 500
    largest: Annotated[
        int, Knob(1, 100_000_000, "upper bound M on the batch size, unless B is larger", "log")
    ] = 100_000

    def init(self, examples: int) -> Epoch:
        """Return the initial state: no epoch."""
        del examples
        return -1, torch.empty(0, dtype=torch.long), 0

    def size(self, first: int, step: int, examples: int) -> int:
        """Return the batch size at a step, from 0, of a run that begins with batches of `first`."""
        most = min(max(self.largest, first), examples)
        if self.factor == 1.0 or first >= most:
            return min(first, most)
        enough = math.ceil(math.log(most / first, self.factor)) + 1
        return int(min(first * self.factor ** min(step // self.period, enough), most))

    def draw(self, asked: Asked, memory: Epoch) -> tuple[Objective, Epoch]:
        """Return the next examples of the epoch, or the first ones of the next."""
        epoch, order, used = memory
        size = self.size(asked.size, asked.step, asked.whole.examples)
        if used + size > len(order):
            epoch, used = epoch + 1, 0
            rng = random_streams.stream(asked.seed, "growing batches", epoch)
            order = torch.randperm(asked.whole.examples, generator=rng)
        chosen = order[used : used + size].to(asked.theta.device)
        return asked.whole.minibatch(chosen), (epoch, order, used + size)

"""A batch that grows: Smith, Kindermans, Ying and Le, 2018, arXiv:1711.00489.

Don't Decay the Learning Rate, Increase the Batch Size: where a schedule would divide the learning
rate by m, the batch is multiplied by m instead, which has the same ratio of rate to batch and takes
fewer steps. The paper stops at a tenth of the data and lowers the rate from there on; here the
batch grows up to all examples, and a learning-rate schedule can be added.
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

Epoch = tuple[int, Tensor]
"""The epoch number and its permutation of the examples, shape (N,)."""


@dataclass(frozen=True, kw_only=True)
class GrowingBatch(Sampler[Epoch]):
    """Random reshuffling with a batch size that is multiplied by m every T epochs."""

    label: ClassVar[str] = "growing batch"
    formula: ClassVar[str] = "in epoch e, from 0: batches of min(N, B m^⌊e/T⌋), shuffled"
    source: ClassVar[str] = (
        "Smith, Kindermans, Ying & Le, 2018, Don't Decay the Learning Rate, Increase the Batch Size"
    )

    period: Annotated[
        int, Knob(1, 10_000, "epochs T after which the batch size is multiplied", "log")
    ] = 10
    multiple: Annotated[float, Knob(1.0, 100.0, "factor m on the batch size", "log")] = 2.0

    def init(self, examples: int) -> Epoch:
        """Return the initial state: no epoch."""
        del examples
        return -1, torch.empty(0, dtype=torch.long)

    def draw(self, asked: Asked, memory: Epoch) -> tuple[Objective, Epoch]:
        """Return the next examples of the epoch, as many as the batch has grown to."""
        total = asked.whole.examples
        epoch, offset = divmod(asked.seen, total)
        if memory[0] != epoch:
            rng = random_streams.stream(asked.seed, "batches", epoch)
            memory = epoch, torch.randperm(total, generator=rng).to(asked.theta.device)
        size = self._grown(asked.size, epoch, total)
        end = offset + size
        if end == total - 1 and size > 1:
            end += 1  # a batch of one example has no statistics: it joins the one before
        return asked.whole.minibatch(memory[1][offset:end]), memory

    def _grown(self, size: int, epoch: int, total: int) -> int:
        """The batch size in an epoch."""
        growth = min(epoch // self.period * math.log(self.multiple), math.log(total))
        return min(total, round(size * math.exp(growth)))

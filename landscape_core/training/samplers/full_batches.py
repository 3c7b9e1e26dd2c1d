"""Random reshuffling without an incomplete last batch, as PyTorch's DataLoader with `drop_last`.

All batches have the same size, so that the variance of the gradient does not rise at the end of an
epoch. Permutations are drawn one after the other from one generator, the same that
`connectivity.paths.base.batches` uses: a run with this sampler sees the batches of labs.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from landscape_core.foundation import random_streams
from landscape_core.models.objective import Objective
from landscape_core.training.samplers.base import Asked, Sampler

Epoch = tuple[Tensor, Tensor, int]
"""The generator's state, the permutation of the examples (N,), and how many of them were used."""


@dataclass(frozen=True, kw_only=True)
class FullBatches(Sampler[Epoch]):
    """Random reshuffling; the examples left over at the end of an epoch are not used."""

    label: ClassVar[str] = "shuffled, full batches"
    formula: ClassVar[str] = (
        "batch k of an epoch: π(kB), …, π(kB + B − 1) for k < ⌊N/B⌋, π a random permutation"
    )
    source: ClassVar[str] = (
        "Paszke et al., 2019, PyTorch: An Imperative Style, High-Performance Deep Learning Library"
        " (DataLoader with drop_last)"
    )

    def init(self, examples: int) -> Epoch:
        """Return the initial state: no permutation yet."""
        del examples
        return torch.empty(0, dtype=torch.uint8), torch.empty(0, dtype=torch.long), 0

    def draw(self, asked: Asked, memory: Epoch) -> tuple[Objective, Epoch]:
        """Return the next B examples of the epoch, or the first ones of the next."""
        state, order, used = memory
        if used + asked.size > len(order):
            rng = random_streams.stream(asked.seed, "curve", "batches")
            if len(state):
                rng.set_state(state)
            order, used = torch.randperm(asked.whole.examples, generator=rng), 0
            state = rng.get_state()
        chosen = order[used : used + asked.size].to(asked.theta.device)
        return asked.whole.minibatch(chosen), (state, order, used + asked.size)

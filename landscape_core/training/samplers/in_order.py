"""Examples in their order, as in an online problem: Zinkevich, 2003, Online Convex Programming.

Each epoch goes through the data as they are given; nothing is random. Only over whole epochs is the
mean of the gradients that of all examples. As in `shuffled`, a last batch of one example joins the
one before.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch

from landscape_core.models.objective import Objective
from landscape_core.training.samplers.base import Asked, Sampler


@dataclass(frozen=True, kw_only=True)
class InOrder(Sampler[None]):
    """The examples in the order of the data, epoch after epoch; nothing is random."""

    label: ClassVar[str] = "in order"
    formula: ClassVar[str] = "batch k of an epoch: the examples kB, …, kB + B − 1"
    source: ClassVar[str] = (
        "Zinkevich, 2003, Online Convex Programming and Generalized Infinitesimal Gradient Ascent"
    )

    def init(self, examples: int) -> None:
        """Return the initial state: none."""
        del examples

    def draw(self, asked: Asked, memory: None) -> tuple[Objective, None]:
        """Return the next B examples of the epoch, or the remaining ones."""
        total = asked.whole.examples
        begin = asked.seen % total
        end = min(begin + asked.size, total)
        if end == total - 1 and asked.size > 1:
            end = total  # a batch of one example has no statistics
        return asked.whole.minibatch(torch.arange(begin, end, device=asked.theta.device)), memory

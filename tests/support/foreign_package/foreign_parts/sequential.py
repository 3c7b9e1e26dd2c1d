"""Batches in the order of the data."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from landscape_core import Objective
from landscape_core.training.samplers.base import Asked, Sampler


@dataclass(frozen=True, kw_only=True)
class Sequential(Sampler[None]):
    """One batch after another, in the order of the data, without shuffling."""

    formula: ClassVar[str] = "examples (kB, ..., (k+1)B − 1) modulo N in step k"
    source: ClassVar[str] = "torch.utils.data.SequentialSampler"

    def init(self, examples: int) -> None:
        """Nothing is remembered."""

    def draw(self, asked: Asked, memory: None) -> tuple[Objective, None]:
        """The next examples after those that were seen."""
        wanted = torch.arange(asked.seen, asked.seen + asked.size) % asked.whole.examples
        return asked.whole.minibatch(wanted.to(asked.theta.device)), memory

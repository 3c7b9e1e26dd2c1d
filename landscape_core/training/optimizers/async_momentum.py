"""Asynchronous momentum: T. Liu, S. Li, Shi, Zhou and Zhao, 2018, arXiv:1806.01660.

Several workers compute gradients of shared parameters. While one computes, the others update the
parameters: its gradient belongs to an iterate τₖ steps old, on a fresh mini-batch, and is applied
to the current one. Momentum acts on the applied updates. With equally fast workers the delay is
their number minus one.

The delay of a step is constant, τ; or uniform on 0, …, 2τ, with mean τ; or geometric, j with
probability (1−q)qʲ for q = τ/(1+τ), with mean τ. Geometric delays are truncated at `CUT` times τ,
which lowers the mean by the factor q^(5τ): 3% for τ = 1, less for longer ones. A delay longer than
the run so far refers to the first iterate.

The recorded loss of a step is that of the delayed iterate; the running statistics of batch
normalization are updated there as well.
"""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation import random_streams
from landscape_core.foundation.recipes import Choice, Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective
from landscape_core.training.optimizers.base import LEARNING_RATE, MOMENTUM, Optimizer

Past = tuple[int, Vector, tuple[Vector, ...]]
"""The step count, the velocity v, and the previous iterates, the most recent first."""

CUT = 5
"""The maximum of a geometric delay, in units of τ."""


@dataclass(frozen=True, kw_only=True)
class AsyncMomentum(Optimizer[Past]):
    """SGD with momentum and delayed gradients, as in asynchronous data-parallel training."""

    label: ClassVar[str] = "Asynchronous momentum"
    family: ClassVar[str] = "momentum"
    formula: ClassVar[str] = (
        "τₖ a delay with mean τ; g at θₖ₋τₖ on the current mini-batch;  v ← μv + g;  θ ← θ − ηv"
    )
    source: ClassVar[str] = (
        "Liu, Li, Shi, Zhou & Zhao, 2018, Towards Understanding Acceleration Tradeoff between "
        "Momentum and Asynchrony in Nonconvex Stochastic Optimization"
    )

    learning_rate: Annotated[float, LEARNING_RATE] = 0.01
    momentum: Annotated[float, MOMENTUM] = 0.7
    delay: Annotated[
        int,
        Knob(
            0,
            1000,
            "mean delay (staleness) τ of a gradient in steps; the number of workers minus one",
        ),
    ] = 3
    delays: Annotated[
        str,
        Choice(
            ("fixed", "uniform", "geometric"),
            "distribution of the delay: constant τ, uniform on 0 to 2τ, or geometric with "
            "mean τ, at most 5τ",
        ),
    ] = "fixed"
    seed: Annotated[int, Knob(0, 2**31 - 1, "random seed of the delays")] = 0

    @property
    def longest(self) -> int:
        """The longest possible delay."""
        return self.delay * {"fixed": 1, "uniform": 2, "geometric": CUT}[self.delays]

    def delay_at(self, step: int) -> int:
        """Sample the delay of a step."""
        if self.delays == "fixed" or self.delay == 0:
            return self.delay
        rng = random_streams.stream(self.seed, "delay", step)
        if self.delays == "uniform":
            return int(torch.randint(self.longest + 1, (), generator=rng))
        drawn = 1.0 - float(torch.rand((), generator=rng, dtype=torch.float64))  # in (0, 1]
        q = self.delay / (1 + self.delay)
        return min(self.longest, int(math.log(drawn) / math.log(q)))

    def init(self, theta: Vector) -> Past:
        """Return the initial state: step 0, velocity 0, no previous iterates."""
        return 0, torch.zeros_like(theta), ()

    def step(self, objective: Objective, theta: Vector, memory: Past) -> tuple[Vector, Past]:
        """Take a step of size η along the negative velocity, updated by a delayed gradient."""
        count, v, past = memory
        iterates = (theta, *past)
        g = objective.gradient(iterates[min(self.delay_at(count), len(past))])
        v = torch.add(g, v, alpha=self.momentum)
        kept = iterates[: self.longest]
        return torch.sub(theta, v, alpha=self.learning_rate), (count + 1, v, kept)

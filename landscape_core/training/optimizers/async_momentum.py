"""Asynchronous momentum: T. Liu, S. Li, Shi, Zhou and Zhao, 2018, arXiv:1806.01660.

Several workers take gradients of one vector of weights. While one works, the others' steps move the
weights: its gradient is that of an iterate τₖ steps old, on a fresh mini-batch, and is applied now.
Momentum acts on the steps that are applied. With equally fast workers the delay is their number
less one.

The delay of a step is fixed, τ; or uniform, each of 0, …, 2τ alike, with the mean τ; or geometric,
j with probability (1−q)qʲ for q = τ/(1+τ), with the mean τ. A geometric delay beyond `CUT` times τ
counts as so long, which makes the mean smaller by its share q^(5τ): 3% for τ = 1, less for longer
ones. Before there are so many iterates, the delay goes back to the start.

The loss noted at a step is that of the old iterate, as its worker would tell it; batch
normalization takes up its statistics there.
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
"""The steps made, the velocity v, and the iterates before the present one, the latest first."""

CUT = 5
"""How many times τ a geometric delay is at most."""


@dataclass(frozen=True, kw_only=True)
class AsyncMomentum(Optimizer[Past]):
    """Momentum with gradients that come late, as from many workers that do not wait."""

    label: ClassVar[str] = "Asynchronous momentum"
    family: ClassVar[str] = "momentum"
    formula: ClassVar[str] = (
        "τₖ a delay with the mean τ;  g at θₖ₋τₖ on the present mini-batch;  v ← μv + g;  "
        "θ ← θ − ηv"
    )
    source: ClassVar[str] = (
        "Liu, Li, Shi, Zhou & Zhao, 2018, Towards Understanding Acceleration Tradeoff between "
        "Momentum and Asynchrony in Nonconvex Stochastic Optimization"
    )

    learning_rate: Annotated[float, LEARNING_RATE] = 0.01
    momentum: Annotated[float, MOMENTUM] = 0.7
    delay: Annotated[
        int, Knob(0, 1000, "mean age τ of a gradient in steps; the number of workers less one")
    ] = 3
    delays: Annotated[
        str,
        Choice(
            ("fixed", "uniform", "geometric"),
            "always τ; or 0 to 2τ, all alike; or geometric of mean τ, at most 5τ",
        ),
    ] = "fixed"
    seed: Annotated[int, Knob(0, 2**31 - 1, "draws the delays")] = 0

    @property
    def longest(self) -> int:
        """The longest delay that may be drawn."""
        return self.delay * {"fixed": 1, "uniform": 2, "geometric": CUT}[self.delays]

    def delay_at(self, step: int) -> int:
        """The delay that is drawn for a step."""
        if self.delays == "fixed" or self.delay == 0:
            return self.delay
        rng = random_streams.stream(self.seed, "delay", step)
        if self.delays == "uniform":
            return int(torch.randint(self.longest + 1, (), generator=rng))
        drawn = 1.0 - float(torch.rand((), generator=rng, dtype=torch.float64))  # in (0, 1]
        q = self.delay / (1 + self.delay)
        return min(self.longest, int(math.log(drawn) / math.log(q)))

    def init(self, theta: Vector) -> Past:
        """At rest, without a past."""
        return 0, torch.zeros_like(theta), ()

    def step(self, objective: Objective, theta: Vector, memory: Past) -> tuple[Vector, Past]:
        """One step of size η against the velocity, which has taken up an old gradient."""
        count, v, past = memory
        iterates = (theta, *past)
        g = objective.gradient(iterates[min(self.delay_at(count), len(past))])
        v = torch.add(g, v, alpha=self.momentum)
        kept = iterates[: self.longest]
        return torch.sub(theta, v, alpha=self.learning_rate), (count + 1, v, kept)

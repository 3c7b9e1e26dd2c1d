"""Entropy-SGD: Chaudhari et al., 2016, arXiv:1611.01838.

Biasing Gradient Descent Into Wide Valleys, algorithm 1. The gradient of the local entropy
log ∫ exp(−f(x) − γ/2 ‖θ − x‖²) dx is γ(⟨x⟩ − θ), whose mean ⟨x⟩ is that of a short walk of Langevin
dynamics around θ. The first gradient of the walk is that of the step's mini-batch, the others are
of mini-batches of the same size that are drawn anew, so a step costs as much as L steps of SGD;
with full batches all are of the whole.

With scoping γ grows as γ(1 + γ₁)ᵗ, and so does ηγ, the part of the way to the mean that is gone; a
schedule of η can hold it. The authors' program leaves γ out of this last step (its learning rate
is the product ηγ), has noise √2 times as large, and Nesterov's momentum in both loops, which is
left out here. Its γ is 0.03 on CIFAR-10 and 1e-4 with γ₁ = 1e-3 on MNIST. As in it α is the
weight of the mean so far; in the paper's algorithm it is that of the new x.
"""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation import random_streams
from landscape_core.foundation.recipes import Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective
from landscape_core.training.optimizers.base import LEARNING_RATE, Optimizer

HIGHEST = 700.0
"""Logarithm that scoping multiplies γ by at most, so that it stays a number; far beyond use."""


@dataclass(frozen=True, kw_only=True)
class EntropySGD(Optimizer[int]):
    """Moves to the mean of a short random walk around the weights, which favours wide valleys."""

    label: ClassVar[str] = "Entropy-SGD"
    family: ClassVar[str] = "gradient descent"
    formula: ClassVar[str] = (
        "x, μ ← θ;  L times, each with a mini-batch of its own:  x ← x − η′(g(x) − γ(θ − x)) + "
        "√η′ εξ, ξ ~ N(0, I);  μ ← αμ + (1−α)x;  then θ ← θ − ηγ(θ − μ);  γ ← γ(1 + γ₁)"
    )
    source: ClassVar[str] = (
        "Chaudhari, Choromanska, Soatto, LeCun, Baldassi, Borgs, Chayes, Sagun & Zecchina, 2016, "
        "Entropy-SGD: Biasing Gradient Descent Into Wide Valleys, algorithm 1"
    )

    learning_rate: Annotated[float, LEARNING_RATE] = 30.0
    scope: Annotated[
        float,
        Knob(1e-6, 100.0, "scope γ: the smaller, the wider is the neighbourhood looked at", "log"),
    ] = 0.03
    scoping: Annotated[
        float, Knob(0.0, 0.1, "scoping rate γ₁, by which γ grows at each step; 0: constant scope")
    ] = 0.0
    inner_steps: Annotated[int, Knob(1, 1000, "Langevin steps L in each step", "log")] = 20
    inner_rate: Annotated[float, Knob(1e-6, 10.0, "step size η′ of the Langevin steps", "log")] = (
        0.1
    )
    noise: Annotated[float, Knob(0.0, 1.0, "thermal noise ε of the Langevin steps")] = 1e-4
    averaging: Annotated[
        float, Knob(0.0, 0.999, "exponential decay rate α of the mean over the Langevin steps")
    ] = 0.75
    seed: Annotated[
        int, Knob(0, 2**31 - 1, "random seed of the noise and of the Langevin steps' mini-batches")
    ] = 0

    def init(self, theta: Vector) -> int:
        """Return the initial step count, 0."""
        del theta
        return 0

    def step(self, objective: Objective, theta: Vector, memory: int) -> tuple[Vector, int]:
        """Walk L steps around θ and move towards the mean of where the walk has been."""
        gamma = self.scope * math.exp(min(memory * math.log1p(self.scoping), HIGHEST))
        noises = random_streams.stream(self.seed, "langevin", memory)
        batches = random_streams.stream(self.seed, "langevin batches", memory)
        x = mean = theta
        for inner in range(self.inner_steps):
            batch = objective if inner == 0 else self._another(objective, batches)
            drift = batch.gradient(x) - gamma * (theta - x)
            xi = torch.randn(theta.shape, generator=noises, dtype=torch.float64).to(theta)
            x = x - self.inner_rate * drift + self.inner_rate**0.5 * self.noise * xi
            mean = self.averaging * mean + (1 - self.averaging) * x
        return theta - self.learning_rate * gamma * (theta - mean), memory + 1

    def _another(self, objective: Objective, rng: torch.Generator) -> Objective:
        """A mini-batch of the same size, drawn without replacement; of all examples the same."""
        whole = objective.whole
        if objective.examples >= whole.examples:
            return objective.still
        return whole.minibatch(torch.randperm(whole.examples, generator=rng)[: objective.examples])

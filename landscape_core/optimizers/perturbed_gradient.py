"""Gradient descent with noise: Ge, Huang, Jin and Yuan, 2015, Escaping From Saddle Points.

They add noise to each gradient, algorithm 1, so that no saddle holds the iterates; the noise that
fades like (1+t)^(−γ), in variance, is that of Neelakantan et al., 2015, Adding Gradient Noise
Improves Learning for Very Deep Networks, with γ = 0.55. Noise in the weights, which gives the
gradient of a smoothed loss, is that of Duchi, Bartlett and Wainwright, 2012, Randomized Smoothing
for Stochastic Optimization; the loss noted at such a step is that of the moved weights.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core import seeds
from landscape_core.objective import Objective
from landscape_core.optimizers.base import LEARNING_RATE, Optimizer
from landscape_core.recipes import Choice, Knob
from landscape_core.types import Vector


@dataclass(frozen=True, kw_only=True)
class PerturbedGradient(Optimizer[int]):
    """Gradient descent that is shaken by fading noise, so that no saddle can hold it."""

    label: ClassVar[str] = "Perturbed gradient descent"
    formula: ClassVar[str] = (
        "σₜ = σ(1+t)^(−γ/2);  ξ ~ N(0, I);  θ ← θ − η(g + σₜξ), or g taken at θ + σₜξ:  θ ← θ − ηg"
    )
    source: ClassVar[str] = (
        "Ge, Huang, Jin & Yuan, 2015, Escaping From Saddle Points; Neelakantan et al., 2015, "
        "Adding Gradient Noise Improves Learning for Very Deep Networks"
    )

    learning_rate: Annotated[float, LEARNING_RATE] = 0.1
    noise: Annotated[float, Knob(0.0, 10.0, "standard deviation σ of the first noise")] = 0.1
    where: Annotated[
        str, Choice(("gradient", "weights"), "add it to the gradient, or to where that is taken")
    ] = "gradient"
    fading: Annotated[
        float, Knob(0.0, 2.0, "exponent γ by which the variance falls; at 0 it stays")
    ] = 0.55
    seed: Annotated[int, Knob(0, 2**31 - 1, "draws the noise")] = 0

    def init(self, theta: Vector) -> int:
        """The number of steps taken: none."""
        del theta
        return 0

    def step(self, objective: Objective, theta: Vector, memory: int) -> tuple[Vector, int]:
        """One step of size η against the noisy gradient."""
        rng = seeds.stream(self.seed, "perturbation", memory)
        drawn = torch.randn(len(theta), generator=rng, dtype=theta.dtype).to(theta.device)
        noise = self.noise * (1 + memory) ** (-self.fading / 2) * drawn
        if self.where == "weights":
            g = objective.gradient(theta + noise)
        else:
            g = objective.gradient(theta) + noise
        return torch.sub(theta, g, alpha=self.learning_rate), memory + 1

"""Gradient descent with noise: Ge, Huang, Jin and Yuan, 2015, Escaping From Saddle Points.

They add noise to each gradient, algorithm 1, so that no saddle holds the iterates; the noise that
fades like (1+t)^(−γ), in variance, is that of Neelakantan et al., 2015, Adding Gradient Noise
Improves Learning for Very Deep Networks, with γ = 0.55. Noise in the weights, which gives the
gradient of a smoothed loss, is that of Duchi, Bartlett and Wainwright, 2012, Randomized Smoothing
for Stochastic Optimization; the loss noted at such a step is that of the moved weights. Noise in
the inputs, fresh at each step, is that of Bishop, 1995, Training with Noise is Equivalent to
Tikhonov Regularization; the loss noted then, and the statistics that batch normalization stores,
are those of the inputs as they are.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor

from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import Choice, Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective
from landscape_core.training.optimizers.base import LEARNING_RATE, Optimizer


@dataclass(frozen=True, kw_only=True)
class PerturbedGradient(Optimizer[int]):
    """Gradient descent that is shaken by fading noise, so that no saddle can hold it."""

    label: ClassVar[str] = "Perturbed gradient descent"
    family: ClassVar[str] = "gradient descent"
    formula: ClassVar[str] = (
        "σₜ = σ(1+t)^(−γ/2);  ξ ~ N(0, I);  θ ← θ − η(g + σₜξ), or g taken at θ + σₜξ, or of "
        "inputs x + σₜξ:  θ ← θ − ηg"
    )
    source: ClassVar[str] = (
        "Ge, Huang, Jin & Yuan, 2015, Escaping From Saddle Points; Neelakantan et al., 2015, "
        "Adding Gradient Noise Improves Learning for Very Deep Networks"
    )

    learning_rate: Annotated[float, LEARNING_RATE] = 0.1
    noise: Annotated[float, Knob(0.0, 10.0, "standard deviation σ of the first noise")] = 0.1
    where: Annotated[
        str,
        Choice(
            ("gradient", "weights", "inputs"),
            "add it to the gradient, to the weights at which that is taken, or to the inputs",
        ),
    ] = "gradient"
    fading: Annotated[
        float, Knob(0.0, 2.0, "exponent γ by which the variance falls; at 0 it stays")
    ] = 0.55
    seed: Annotated[int, Knob(0, 2**31 - 1, "draws the noise")] = 0

    def init(self, theta: Vector) -> int:
        """The number of steps taken: none."""
        del theta
        return 0

    def check_objective(self, objective: Objective) -> None:
        """Refuse noise in inputs that there are not, or that are no real numbers."""
        part = objective.network
        if self.where == "inputs" and (part is None or not part.inputs.is_floating_point()):
            accepted = "gradient or weights where there are no inputs of real numbers"
            raise SpecError("PerturbedGradient.where", self.where, accepted)

    def step(self, objective: Objective, theta: Vector, memory: int) -> tuple[Vector, int]:
        """One step of size η against the noisy gradient."""
        rng = random_streams.stream(self.seed, "perturbation", memory)
        deviation = self.noise * (1 + memory) ** (-self.fading / 2)

        def noise(like: Tensor) -> Tensor:
            drawn = torch.randn(like.shape, generator=rng, dtype=like.dtype)
            return deviation * drawn.to(like.device)

        if self.where == "weights":
            g = objective.gradient(theta + noise(theta))
        elif self.where == "inputs" and objective.network is not None:
            objective.losses(theta[None])  # what a run notes of the step
            part = objective.network.still
            g = part.with_inputs(part.inputs + noise(part.inputs)).gradient(theta)
        else:
            g = objective.gradient(theta) + noise(theta)
        return torch.sub(theta, g, alpha=self.learning_rate), memory + 1

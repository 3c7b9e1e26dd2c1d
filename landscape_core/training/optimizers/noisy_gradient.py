"""Gradient descent with noise: Ge, Huang, Jin and Yuan, 2015, Escaping From Saddle Points.

They add noise to each gradient, algorithm 1, to escape saddle points; annealing its variance as
(1+t)^(−γ) is due to Neelakantan et al., 2015, Adding Gradient Noise Improves Learning for Very Deep
Networks, with γ = 0.55. Noise in the weights, which gives the gradient of a smoothed loss, is due
to Duchi, Bartlett and Wainwright, 2012, Randomized Smoothing for Stochastic Optimization; the
recorded loss of such a step is that at the perturbed weights. Noise in the inputs, independent at
each step, is due to Bishop, 1995, Training with Noise is Equivalent to Tikhonov Regularization; in
that case the recorded loss and the running statistics of batch normalization are those of the
unperturbed inputs.
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
class NoisyGradient(Optimizer[int]):
    """Gradient descent with annealed Gaussian noise, which escapes saddle points."""

    label: ClassVar[str] = "Noisy gradient descent"
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
    noise: Annotated[float, Knob(0.0, 10.0, "initial standard deviation σ of the noise")] = 0.1
    where: Annotated[
        str,
        Choice(
            ("gradient", "weights", "inputs"),
            "what the noise is added to: the gradient, the weights at which it is "
            "evaluated, or the inputs",
        ),
    ] = "gradient"
    fading: Annotated[
        float, Knob(0.0, 2.0, "annealing exponent γ of the variance, (1+t)^(−γ); 0: constant noise")
    ] = 0.55
    seed: Annotated[int, Knob(0, 2**31 - 1, "random seed of the noise")] = 0

    def init(self, theta: Vector) -> int:
        """Return the initial step count, 0."""
        del theta
        return 0

    def check_objective(self, objective: Objective) -> None:
        """Raise `SpecError` for input noise if there are no floating-point inputs."""
        part = objective.network
        if self.where == "inputs" and (part is None or not part.inputs.is_floating_point()):
            accepted = "gradient or weights, as this problem has no floating-point inputs"
            raise SpecError("NoisyGradient.where", self.where, accepted)

    def step(self, objective: Objective, theta: Vector, memory: int) -> tuple[Vector, int]:
        """Take a step of size η along the negative noisy gradient."""
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

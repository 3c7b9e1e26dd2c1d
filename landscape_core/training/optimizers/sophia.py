"""Sophia: Liu et al., 2023, A Scalable Stochastic Second-order Optimizer, arXiv:2305.14342.

Algorithm 3: the averaged gradient is divided by an averaged estimate of the Hessian's diagonal, and
every entry of the step is clipped, which bounds it where the curvature is small or negative. The
diagonal is estimated once in some steps, by one of two estimators.

Gauss-Newton-Bartlett (algorithm 2, Sophia-G): the number of examples times the squared gradient of
the loss for labels that are sampled from the model. Its mean is the diagonal of the Gauss-Newton
matrix. Here the gradients with respect to the outputs are sampled, normal and with the covariance
of those for sampled labels, as for K-FAC: for squared error they have the same distribution, for
cross-entropy the same second moments, and the method applies to all losses. Hutchinson (algorithm
1, Sophia-H): u times the product Hu of the Hessian with normal u; where the objective is no
network, this one is used. Both are of the mini-batch of the step.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.curvature.layer_gradients import sampled_gradients
from landscape_core.foundation import random_streams
from landscape_core.foundation.recipes import Choice, Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.objective import Objective
from landscape_core.training.optimizers.base import EPSILON, LEARNING_RATE, Optimizer

Averages = tuple[int, Vector, Vector]
"""Number of steps, the averaged gradient m, the averaged diagonal h."""


@dataclass(frozen=True, kw_only=True)
class Sophia(Optimizer[Averages]):
    """Averaged gradient over an estimate of the Hessian's diagonal, clipped entry by entry."""

    label: ClassVar[str] = "Sophia"
    family: ClassVar[str] = "second order"
    formula: ClassVar[str] = (
        "m ← β₁m + (1−β₁)g;  every k steps h ← β₂h + (1−β₂)ĥ, ĥ = B ĝ² with ĝ the gradient for B "
        "sampled labels, or u · Hu;  θ ← (1 − ηλ)θ;  θ ← θ − η clip(m / max(γh, ε), 1)"
    )
    source: ClassVar[str] = (
        "Liu et al., 2023, Sophia: A Scalable Stochastic Second-order Optimizer for Language Model "
        "Pre-training"
    )

    learning_rate: Annotated[float, LEARNING_RATE] = 0.005
    beta1: Annotated[
        float, Knob(0.0, 0.999, "exponential decay rate of the averaged gradient, β₁")
    ] = 0.96
    beta2: Annotated[
        float, Knob(0.0, 0.9999, "exponential decay rate of the averaged diagonal, β₂")
    ] = 0.99
    gamma: Annotated[
        float,
        Knob(1e-4, 100.0, "factor γ on the diagonal; smaller values clip more entries", "log"),
    ] = 0.05
    estimator: Annotated[
        str,
        Choice(
            ("gauss_newton_bartlett", "hutchinson"),
            "squared gradient for sampled labels, or Hutchinson's estimator of the Hessian's "
            "diagonal",
        ),
    ] = "gauss_newton_bartlett"
    interval: Annotated[int, Knob(1, 1000, "steps k between estimates of the diagonal", "log")] = 10
    epsilon: Annotated[float, EPSILON] = 1e-12
    weight_decay: Annotated[
        float, Knob(0.0, 10.0, "decoupled weight decay λ: θ is multiplied by 1 − ηλ")
    ] = 0.0
    seed: Annotated[int, Knob(0, 2**31 - 1, "random seed of the estimates")] = 0

    def init(self, theta: Vector) -> Averages:
        """Return the initial state: no step, both averages zero."""
        return 0, torch.zeros_like(theta), torch.zeros_like(theta)

    def step(
        self, objective: Objective, theta: Vector, memory: Averages
    ) -> tuple[Vector, Averages]:
        """Take a step of at most η in each parameter."""
        index, m, h = memory
        m = torch.lerp(m, objective.gradient(theta), 1 - self.beta1)
        if index % self.interval == 0:
            h = torch.lerp(h, self._diagonal(objective, theta, index), 1 - self.beta2)
        move = (m / (self.gamma * h).clamp(min=self.epsilon)).clamp_(-1.0, 1.0)
        if self.weight_decay:
            theta = theta * (1 - self.learning_rate * self.weight_decay)
        return torch.sub(theta, move, alpha=self.learning_rate), (index + 1, m, h)

    def _diagonal(self, objective: Objective, theta: Vector, index: int) -> Vector:
        """An estimate of the Hessian's diagonal, (P,)."""
        rng, still = random_streams.stream(self.seed, "diagonal", index), objective.still
        if self.estimator == "gauss_newton_bartlett" and still.network is not None:
            return _bartlett(still.network, theta, rng)
        u = torch.randn(len(theta), generator=rng, dtype=theta.dtype).to(theta.device)
        return u * still.hvp(theta, u)


def _bartlett(model: ModelObjective, theta: Vector, rng: torch.Generator) -> Vector:
    """The number of examples times the squared mean gradient for sampled output gradients."""
    point = theta.detach().requires_grad_()
    outputs = model.outputs(point)
    slopes = sampled_gradients(rng)(model, outputs.detach())
    (g,) = torch.autograd.grad(outputs, point, slopes / len(outputs))
    return len(outputs) * g.square()

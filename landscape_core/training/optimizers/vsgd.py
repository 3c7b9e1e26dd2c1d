"""vSGD: Schaul, Zhang and LeCun, 2012, No More Pesky Learning Rates, arXiv:1206.1106.

Algorithm 1, vSGD-l: each parameter has the learning rate that is best for a quadratic with noisy
gradients, (1/h) (E g)²/E g², by moving averages whose memory τ is short while the gradient has one
direction and grows where noise prevails. The curvature is that of the next paper (Schaul and LeCun,
2013, arXiv:1301.3764): a finite difference of the gradients of one mini-batch at θ and θ + ḡ takes
the place of a backward pass for the diagonal of the Gauss-Newton matrix. It is |(Hḡ)ᵢ/ḡᵢ|, the
diagonal entry if the Hessian is diagonal.

The gradient of a mini-batch is one sample. The averages begin with the first one, whose square and
curvature are multiplied by C for a slow start, with the memory of n₀ samples. The paper takes n₀
samples before the first step and C = P/10; the authors' code has n₀ = 10 and C = 2, as here. The
factor η, 1 in the paper, and the bound on a learning rate are not the paper's. With dropout both
gradients of a difference have masks of their own: curvatures come out too large, steps too short.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation.recipes import Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective
from landscape_core.training.optimizers.base import Optimizer

Averages = tuple[Vector, Vector, Vector, Vector]
"""Of each parameter the averages of gradient ḡ, its square v and curvature h, and the memory τ."""


@dataclass(frozen=True, kw_only=True)
class VSGD(Optimizer[Averages | None]):
    """Learning rates from the curvature and from how much of the gradient is noise."""

    label: ClassVar[str] = "vSGD"
    family: ClassVar[str] = "adaptive"
    formula: ClassVar[str] = (
        "c = |∇f_B(θ + ḡ) − g| / |ḡ|;  ḡ ← (1−1/τ)ḡ + g/τ;  v ← (1−1/τ)v + g²/τ;  h ← (1−1/τ)h + "
        "c/τ;  τ ← (1 − ḡ²/v)τ + 1;  θ ← θ − η ḡ²/(hv) g"
    )
    source: ClassVar[str] = (
        "Schaul, Zhang & LeCun, 2012, No More Pesky Learning Rates; Schaul & LeCun, 2013, Adaptive"
        " learning rates and parallelization for stochastic, sparse, non-smooth gradients"
    )

    learning_rate: Annotated[
        float, Knob(1e-4, 1e3, "factor η of the computed learning rates; 1: as in the paper", "log")
    ] = 1.0
    overestimate: Annotated[
        float, Knob(1.0, 1e4, "slow start: factor C of the first v and h", "log")
    ] = 2.0
    memory: Annotated[
        float, Knob(1.0, 1e4, "memory τ at the start, in steps: that of n₀ samples", "log")
    ] = 10.0
    largest: Annotated[float, Knob(1e-4, 1e8, "upper bound on ḡ²/(hv)", "log")] = 1.0

    def init(self, theta: Vector) -> None:
        """Return the initial state: no averages; the first step begins them."""
        del theta

    def kept_vectors(self) -> float:
        """The three averages and the memory."""
        return 4

    def step(
        self, objective: Objective, theta: Vector, memory: Averages | None
    ) -> tuple[Vector, Averages]:
        """Update the averages and take a step with the learning rate of each parameter."""
        g = objective.gradient(theta)
        shift = g if memory is None else memory[0]
        change = (objective.still.gradient(theta + shift) - g).abs_()
        moved = shift != 0
        c = change / torch.where(moved, shift.abs(), 1.0)
        if memory is None:
            c = torch.where(moved, c, 0.0)
            mean, v, h = g, self.overestimate * g.square(), self.overestimate * c
            tau = torch.full_like(theta, self.memory)
        else:
            mean, v, h, tau = memory
            c = torch.where(moved, c, h)
            share = 1 / tau
            mean = torch.lerp(mean, g, share)
            v = torch.lerp(v, g.square(), share)
            h = torch.lerp(h, c, share)
        signal = torch.where(v > 0, mean.square() / torch.where(v > 0, v, 1.0), 0.0)
        tau = (1 - signal) * tau + 1
        rates = torch.where(h > 0, signal / torch.where(h > 0, h, 1.0), self.largest)
        rates = rates.clamp_(max=self.largest)
        return theta - self.learning_rate * rates * g, (mean, v, h, tau)

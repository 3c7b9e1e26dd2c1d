"""Importance sampling by a bound on gradient norms: Katharopoulos and Fleuret, 2018, 1803.00942.

Not All Samples Are Created Equal: Deep Learning with Importance Sampling, algorithm 1. Of a uniform
pre-sample of R·B examples the norms ĝ of the loss's gradients by the outputs are computed, which
takes no backward pass through the network and bounds gradient norms up to a factor that all
examples share. From the pre-sample B examples are drawn with replacement with probabilities
p = ĝ / Σĝ, and weighted by 1/(R·B p): with these weights the gradient is unbiased (Zhao and Zhang,
2015, Stochastic Optimization with Importance Sampling for Regularized Loss Minimization,
arXiv:1401.2753).

The pre-sample is drawn without replacement. The paper switches to uniform batches while the
estimated reduction of variance is small; here all steps draw by importance.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.loss_function import loss_values
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.objective import Objective
from landscape_core.training.samplers.base import Asked, Sampler


@dataclass(frozen=True, kw_only=True)
class Importance(Sampler[None]):
    """Importance sampling by the loss gradients at the outputs, in a uniform pre-sample."""

    label: ClassVar[str] = "importance"
    formula: ClassVar[str] = (
        "R·B examples uniformly;  of these B with replacement, p = ĝᵢ/Σĝ, ĝᵢ = ‖∂ℓᵢ/∂outputs‖;  "
        "weight 1/(R·B pᵢ)"
    )
    source: ClassVar[str] = (
        "Katharopoulos & Fleuret, 2018, Not All Samples Are Created Equal: Deep Learning with "
        "Importance Sampling; Zhao & Zhang, 2015"
    )

    presample: Annotated[
        float, Knob(1.0, 1000.0, "size R of the pre-sample, in batches", "log")
    ] = 3.0

    def check_objective(self, objective: Objective) -> None:
        """Raise `SpecError` if the objective is not a network or has no per-example loss."""
        part = objective.network
        if part is None:
            name = type(objective).__name__
            raise SpecError("Run.problem", name, f"a network with the {self.label} sampler")
        few = part.alone().first(2)
        with torch.no_grad():
            losses = loss_values(few.loss_function, few.outputs(few.start), few.targets)
        if losses.shape != few.targets.shape[:1]:
            accepted = f"one value per example, ({few.examples},)"
            raise SpecError("the shape of the losses", tuple(losses.shape), accepted)

    def init(self, examples: int) -> None:
        """Return the initial state: none."""
        del examples

    def draw(self, asked: Asked, memory: None) -> tuple[Objective, None]:
        """Return B weighted examples."""
        part = asked.whole.network
        if part is None:
            raise TypeError("importance sampling needs a network")
        rng = random_streams.stream(asked.seed, "importance", asked.step)
        count = min(part.examples, round(self.presample * asked.size))
        pool = torch.randperm(part.examples, generator=rng)[:count]
        chances = probabilities(part.reordered(pool.to(asked.theta.device)), asked.theta)
        chosen = torch.multinomial(chances, asked.size, replacement=True, generator=rng)
        weights = 1 / (count * chances[chosen])
        drawn = part.minibatch(pool[chosen].to(asked.theta.device))
        return drawn.weighted(weights.to(asked.theta)), memory


def probabilities(part: ModelObjective, theta: Vector) -> Float[Tensor, " n"]:
    """The probabilities p of examples in proportion to ‖∂ℓ/∂outputs‖, (n,) float64, on the CPU.

    Uniform if these are all zero or not finite.
    """
    alone = part.alone()
    with torch.no_grad():
        outputs = alone.outputs(theta)
    point = outputs.detach().requires_grad_()
    total = loss_values(alone.loss_function, point, alone.targets).sum()
    (slopes,) = torch.autograd.grad(total, point)
    norms = slopes.flatten(1).norm(dim=1).double().cpu()
    whole = norms.sum()
    if not (bool(whole.isfinite()) and whole > 0):
        return torch.full_like(norms, 1 / len(norms))
    return norms / whole

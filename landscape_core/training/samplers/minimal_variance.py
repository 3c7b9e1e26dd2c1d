"""Minimal-variance sampling: Cong, Forsati, Kandemir and Mahdavi, 2020, arXiv:2006.13866 (MVS-GNN).

With ḡ the norms of the per-example gradients g, the probabilities that minimize the variance of the
estimator (1/N) Σ g/p over the sampled examples, with B examples in expectation, are p = min(1,
ḡ/ν). Sorted in ascending order, with κ the largest index for which (B + κ − N) ḡ_κ ≤ ḡ₁ + … + ḡ_κ,

    pᵢ = (B + κ − N) ḡᵢ / (ḡ₁ + … + ḡ_κ)  for i ≤ κ,  1 for the others.

Norms are those of earlier weights, so they are bounded below by `floor`: otherwise an example with
a small gradient would never be sampled again. An empty sample is drawn again, and the weights are
multiplied by the probability of a non-empty one, which keeps the estimator unbiased. A network with
batch normalization needs two examples; there the repetition introduces a bias of about the
probability of a repetition.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import Choice, Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.derivatives import gradients
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.objective import Objective
from landscape_core.models.parameters import groups
from landscape_core.training.samplers.base import Asked, Sampler

Norms = Float[Tensor, " _"]

TOGETHER = 256
"""Number of per-example gradients in memory at a time; each may need a whole graph."""


@dataclass(frozen=True, kw_only=True)
class MinimalVariance(Sampler[Norms]):
    """Importance sampling: examples with probability proportional to their last gradient norm."""

    label: ClassVar[str] = "minimal variance"
    formula: ClassVar[str] = "example i with probability min(1, ḡᵢ/ν), Σ = B; weight 1/(N pᵢ)"
    source: ClassVar[str] = "Cong et al., 2020, arXiv:2006.13866"

    refresh: Annotated[
        int, Knob(1, 1_000_000, "number of steps between updates of all gradient norms", "log")
    ] = 20
    norm: Annotated[
        str,
        Choice(("network", "last layer"), "parameters in which the gradient norm ḡ is computed"),
    ] = "network"
    floor: Annotated[
        float, Knob(1e-6, 1.0, "lower bound on ḡ as a fraction of the mean", "log")
    ] = 0.01

    def check_objective(self, objective: Objective) -> None:
        """Raise `SpecError` if the objective is not a network or has no per-example loss."""
        part = objective.network
        if part is None:
            name = type(objective).__name__
            raise SpecError("Run.problem", name, f"a network with the {self.label} sampler")
        few = part.alone().first(2)
        with torch.no_grad():
            losses = few.loss_function(few.outputs(few.start), few.targets)
        if losses.shape != few.targets.shape[:1]:
            accepted = f"one value per example, ({few.examples},)"
            raise SpecError("the shape of the losses", tuple(losses.shape), accepted)

    def init(self, examples: int) -> Norms:
        """Return the initial state: no norms."""
        del examples
        return torch.empty(0)

    def draw(self, asked: Asked, memory: Norms) -> tuple[Objective, Norms]:
        """Return about B weighted examples and the norms, updated for these examples."""
        part = asked.whole.network
        if part is None:
            raise TypeError("minimal-variance sampling needs a network")
        fresh = asked.step % self.refresh == 0 or len(memory) != part.examples
        norms = self._measured(part, asked.theta) if fresh else memory
        chances = probabilities(norms.double(), asked.size, self.floor)
        rng = random_streams.stream(asked.seed, "minimal variance", asked.step)
        ids = _kept(chances, 2 if part.normalizes else 1, rng)
        anything = -torch.expm1(torch.log1p(-chances).sum())
        weights = anything * len(ids) / (part.examples * chances[ids])
        ids = ids.to(asked.theta.device)
        drawn = part.minibatch(ids).weighted(weights.to(asked.theta))
        if fresh:
            return drawn, norms
        again = self._measured(part.reordered(ids), asked.theta)
        return drawn, norms.index_copy(0, ids.cpu(), again)

    def _measured(self, part: ModelObjective, theta: Vector) -> Norms:
        """The gradient norm ḡ of each example at theta, on the CPU."""
        if self.norm == "last layer":
            *_, last = groups(part.layout).values()
            part = part.moving([block.name for block in last], theta)
            theta = part.start
        pieces = range(0, part.examples, TOGETHER)
        found = [
            rows.norm(dim=1).cpu()
            for start in pieces
            for rows in gradients(part.between(start, start + TOGETHER), theta)
        ]
        return torch.cat(found)


def probabilities(norms: Norms, size: int, floor: float) -> Norms:
    """Inclusion probabilities pᵢ = min(1, ḡᵢ/ν) with sum `size`, (N,), for norms above the floor.

    Uniform if the norms are all zero or not finite.
    """
    mean = norms.mean()
    if not (bool(mean.isfinite()) and mean > 0):
        return torch.full_like(norms, size / len(norms))
    lifted = norms.clamp(min=float(floor * mean))
    rising = lifted.sort().values
    sums = rising.cumsum(dim=0)
    room = size - len(norms) + torch.arange(1, len(norms) + 1).to(norms)  # B + κ − N
    last = int((room * rising <= sums).nonzero()[-1])
    return (room[last] * lifted / sums[last]).clamp(max=1.0)


def _kept(chances: Norms, least: int, rng: torch.Generator) -> Tensor:
    """Sample the indices of the examples, at least `least`."""
    while True:
        drawn = torch.rand(len(chances), generator=rng, dtype=torch.float64) < chances
        if int(drawn.sum()) >= min(least, len(chances)):
            return drawn.nonzero()[:, 0]

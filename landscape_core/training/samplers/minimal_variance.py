"""Minimal-variance sampling: Cong, Forsati, Kandemir and Mahdavi, 2020, arXiv:2006.13866 (MVS-GNN).

With ḡ the norms of the examples' gradients g, the probabilities that let the estimator (1/N) Σ g/p
over the drawn examples vary least, at B examples in the mean, are p = min(1, ḡ/ν). Sorted in
ascending order, with κ the largest index for which (B + κ − N) ḡ_κ ≤ ḡ₁ + … + ḡ_κ,

    pᵢ = (B + κ − N) ḡᵢ / (ḡ₁ + … + ḡ_κ)  for i ≤ κ,  1 for the others.

Norms are of earlier weights, so none counts as less than a `floor`: what seemed settled could
otherwise never come back. Where nothing was drawn the draw is repeated, and the weights are
multiplied by how likely something is drawn; so the estimator is unbiased as before. A network with
batch normalization needs two examples, and there the repeated draw has a bias, of about how likely
it is.
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
"""Examples whose gradients are held at once: behind each may stand a whole graph."""


@dataclass(frozen=True, kw_only=True)
class MinimalVariance(Sampler[Norms]):
    """Each example by itself, the likelier the larger its gradient was when last measured."""

    label: ClassVar[str] = "minimal variance"
    formula: ClassVar[str] = "example i with probability min(1, ḡᵢ/ν), Σ = B; weight 1/(N pᵢ)"
    source: ClassVar[str] = "Cong et al., 2020, arXiv:2006.13866"

    refresh: Annotated[
        int, Knob(1, 1_000_000, "steps until the gradients of all are measured anew", "log")
    ] = 20
    norm: Annotated[
        str,
        Choice(("network", "last layer"), "by which weights ḡ is the norm of the gradient"),
    ] = "network"
    floor: Annotated[
        float, Knob(1e-6, 1.0, "least ḡ that counts, as a share of the mean of all", "log")
    ] = 0.01

    def check_objective(self, objective: Objective) -> None:
        """Refuse what is no network, or has no loss for each example."""
        part = objective.network
        if part is None:
            name = type(objective).__name__
            raise SpecError("Run.problem", name, f"a network with the {self.label} sampler")
        few = part.alone().first(2)
        with torch.no_grad():
            losses = few.loss_function(few.outputs(few.start), few.targets)
        if losses.shape != few.targets.shape[:1]:
            accepted = f"one number for each example, ({few.examples},)"
            raise SpecError("the shape of the losses", tuple(losses.shape), accepted)

    def init(self, examples: int) -> Norms:
        """Nothing measured."""
        del examples
        return torch.empty(0)

    def draw(self, asked: Asked, memory: Norms) -> tuple[Objective, Norms]:
        """About B examples, weighted, and the norms with theirs measured anew."""
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
        """ḡ of each example at theta, on the CPU."""
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
    """pᵢ = min(1, ḡᵢ/ν) with a sum of `size`, (N,), for norms of which none is below the floor.

    All equal where norms are zero or not finite: then nothing tells the examples apart.
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
    """Which examples are drawn, at least so many."""
    while True:
        drawn = torch.rand(len(chances), generator=rng, dtype=torch.float64) < chances
        if int(drawn.sum()) >= min(least, len(chances)):
            return drawn.nonzero()[:, 0]

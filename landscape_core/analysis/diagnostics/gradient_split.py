"""Decomposition of the mini-batch gradient error: Cong et al., 2020, arXiv:2006.13866.

A step follows g̃, the mini-batch gradient in training mode: with sampled neighbours, historical
embeddings, batch statistics and dropout. With g the gradient on the same examples with the same
weights in evaluation mode, and ∇L the full gradient,

    E|g̃ − ∇L|² = E|g̃ − g|² + E|g − ∇L|² + 2 E (g̃ − g)·(g − ∇L).

The first is called the embedding variance, the second the gradient variance; the third is zero if
g̃ has expectation g given its examples.
"""

import math
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

import torch
import xarray as xr
from jaxtyping import Float
from torch import Tensor

from landscape_core.analysis.diagnostics.base import (
    Diagnostic,
    check_outputs,
    check_point,
    column,
    dataset,
)
from landscape_core.foundation import random_streams
from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.recipes import Knob, Note
from landscape_core.foundation.registry import make
from landscape_core.foundation.types import Vector
from landscape_core.models.network_objective import ModelObjective
from landscape_core.training.samplers.base import Asked, Sampler

PARTS = ("error", "embedding", "sampling", "cross", "uniform")


@dataclass(frozen=True, kw_only=True)
class GradientSplit(Diagnostic):
    """Mini-batch gradient error, split into sampling variance and embedding variance."""

    label: ClassVar[str] = "gradient error decomposition"
    formula: ClassVar[str] = "E‖g̃ − ∇L‖² = E‖g̃ − g‖² + E‖g − ∇L‖² + 2 E⟨g̃ − g, g − ∇L⟩"
    source: ClassVar[str] = "Cong et al., 2020, arXiv:2006.13866"

    sampler: Annotated[Sampler[Any], Note("batch sampler")] = field(
        default_factory=lambda: make(Sampler, "shuffled")
    )
    batch_size: Annotated[int, Knob(1, 100_000, "batch size", "log")] = 32
    draws: Annotated[int, Knob(2, 100_000, "mini-batches", "log")] = 100
    seed: Annotated[int, Knob(0, 2**31 - 1, "random seed")] = 0

    @public_call
    def at(self, objective: ModelObjective, theta: Vector) -> xr.Dataset:
        """`mean_square`, `standard_error` and `ratio` (part): squared distances of gradients.

        `error` is from g̃ to ∇L, `embedding` from g̃ to g, `sampling` from g to ∇L, `cross` the
        cross term; `uniform` is from g to ∇L for the same number of examples sampled without
        replacement. `ratio` is relative to `uniform`. Every mini-batch starts from the buffers of
        the objective. If a batch contains all examples, `uniform` is zero and `ratio` NaN.

        Raises:
            SpecError: theta has the wrong size or is not finite, or the sampler does not apply to
        the objective; before any work.
        """
        check_point(objective, theta)
        check_outputs(objective)
        self.sampler.check_objective(objective)
        squares = torch.cat([self._split(objective, theta), self._uniform(objective, theta)], dim=1)
        means = squares.mean(dim=0)
        ratio = torch.where(means[-1] == 0, torch.nan, means / means[-1])
        columns = {
            "mean_square": column(["part"], means, "gradient²", "mean squared distance"),
            "standard_error": column(
                ["part"],
                squares.std(dim=0) / math.sqrt(self.draws),
                "gradient²",
                "standard error of the mean squared distance",
            ),
            "ratio": column(
                ["part"], ratio, "1", "mean squared distance relative to uniform sampling"
            ),
        }
        return dataset(self, objective, columns, {"part": list(PARTS)})

    def _split(self, objective: ModelObjective, theta: Vector) -> Float[Tensor, "draws 4"]:
        mean = objective.gradient(theta)
        memory, seen, found = self.sampler.init(objective.examples), 0, []
        size = min(self.batch_size, objective.examples)
        for step in range(self.draws):
            asked = Asked(objective, theta, size, step, seen, self.seed)
            drawn, memory = self.sampler.draw(asked, memory)
            seen += drawn.examples
            weighted = objective if drawn.network is None else drawn.network
            same = objective.reordered(drawn.indices).with_loss(weighted.loss_function)
            g = same.gradient(theta)
            off, apart = drawn.gradient(theta) - g, g - mean
            found.append([(off + apart) @ (off + apart), off @ off, apart @ apart, 2 * off @ apart])
        return torch.tensor(found, dtype=torch.float64)

    def _uniform(self, objective: ModelObjective, theta: Vector) -> Float[Tensor, "draws 1"]:
        mean, rng = objective.gradient(theta), random_streams.stream(self.seed, "gradient split")
        size, found = self.batch_size, []
        if size >= objective.examples:
            return torch.zeros(self.draws, 1, dtype=torch.float64)
        for _ in range(self.draws):
            drawn = torch.randperm(objective.examples, generator=rng)[:size].to(theta.device)
            found.append((objective.reordered(drawn).gradient(theta) - mean).square().sum())
        return torch.stack(found).double().cpu()[:, None]

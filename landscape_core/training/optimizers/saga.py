"""SAGA: Defazio, Bach and Lacoste-Julien, 2014, A Fast Incremental Gradient Method.

The update of arXiv:1407.0202 without its proximal step, for mini-batches: all examples of a batch
are corrected by the table, then written into it. The table begins with zeros, not with a pass over
the data, so that the first epoch is that of SGD. Where a sampler weights its examples, the weights
multiply the corrections alone: ᾱ is the plain mean. What is no mini-batch has nothing to reduce,
and is descended by its own gradient.

In a batch that shares its statistics no example has a gradient of its own: with batch normalization
they are taken by the running statistics, which each step updates as usual.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import Knob
from landscape_core.foundation.types import Vector, Vectors
from landscape_core.models.derivatives import gradients
from landscape_core.models.loss_function import Weighted
from landscape_core.models.objective import Objective
from landscape_core.training.optimizers.base import LEARNING_RATE, Optimizer

Table = tuple[tuple[Vector, ...], Vector]
"""The latest gradient α of each example, none before the first step, and their mean ᾱ."""

MEGABYTE = 2**20


@dataclass(frozen=True, kw_only=True)
class SAGA(Optimizer[Table]):
    """Remembers the gradient of every example, and lets each mini-batch correct their mean."""

    label: ClassVar[str] = "SAGA"
    family: ClassVar[str] = "variance reduction"
    formula: ClassVar[str] = (
        "g = mean of (∇fᵢ(θ) − αᵢ) over the batch + ᾱ;  αᵢ ← ∇fᵢ(θ);  θ ← θ − ηg"
    )
    source: ClassVar[str] = (
        "Defazio, Bach & Lacoste-Julien, 2014, SAGA: A Fast Incremental Gradient Method With "
        "Support for Non-Strongly Convex Composite Objectives"
    )

    learning_rate: Annotated[float, LEARNING_RATE] = 0.1
    memory_mb: Annotated[
        int, Knob(1, 1_000_000, "megabytes that the gradients of all examples may take", "log")
    ] = 1024

    def init(self, theta: Vector) -> Table:
        """No gradient known: all count as zero."""
        return (), torch.zeros_like(theta)

    def check_objective(self, objective: Objective) -> None:
        """Refuse a table that is larger than it may be."""
        network = objective.network
        item = 8 if network is None else network.start.element_size()
        needed = -(-objective.examples * objective.layout.size * item // MEGABYTE)
        if needed > self.memory_mb:
            numbers = f"{objective.examples} examples × {objective.layout.size} parameters"
            accepted = f"at least {needed}, for {numbers}; or the data or network smaller"
            raise SpecError("SAGA.memory_mb", self.memory_mb, accepted)

    def step(self, objective: Objective, theta: Vector, memory: Table) -> tuple[Vector, Table]:
        """One step of size η against the corrected mean."""
        if objective.whole is objective:
            return torch.sub(theta, objective.gradient(theta), alpha=self.learning_rate), memory
        objective.losses(theta[None])  # the loss to note; updates statistics as a training step
        known, mean = memory
        table = list(known or (torch.zeros_like(theta),) * objective.whole.examples)
        indices = objective.indices.tolist()
        rows, weights = _rows(objective, theta)
        olds = torch.stack([table[i] for i in indices])
        g = weights @ (rows - olds) / len(rows) + mean
        for i, row in zip(indices, rows, strict=True):  # one may come twice
            mean = mean + (row - table[i]) / len(table)
            table[i] = row.clone()  # a view would keep all rows of its batch
        return torch.sub(theta, g, alpha=self.learning_rate), (tuple(table), mean)


def _rows(objective: Objective, theta: Vector) -> tuple[Vectors, Float[Tensor, " K"]]:
    """Each example's own gradient, shape (K, P), and what a sampler weights it by, shape (K,)."""
    part, weights = objective.network, theta.new_ones(objective.examples)
    if part is not None and isinstance(part.loss_function, Weighted):
        weights = part.loss_function.weights.to(theta)
        part = part.with_loss(part.loss_function.loss_function)
    return torch.cat(list(gradients(part or objective, theta))), weights

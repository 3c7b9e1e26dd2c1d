"""SAGA: Defazio, Bach and Lacoste-Julien, 2014, A Fast Incremental Gradient Method.

The update of arXiv:1407.0202 without its proximal step, for mini-batches: all examples of a batch
are corrected by the table, then their gradients are stored in it. The table is initialized with
zeros, not by a pass over the data, so that the first epoch is that of SGD. If a sampler weights its
examples, the weights apply to the corrections only: ᾱ is the unweighted mean. Full-batch objectives
have no variance to reduce; for them the method is gradient descent.

With batch statistics there are no per-example gradients: with batch normalization they are computed
with the running statistics, which each step updates as usual.
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
"""The table of the last gradient α of each example, and their mean ᾱ."""

MEGABYTE = 2**20


@dataclass(frozen=True, kw_only=True)
class SAGA(Optimizer[Table]):
    """Variance-reduced SGD with a table of the last gradient of every example."""

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
        int, Knob(1, 1_000_000, "maximum size of the gradient table in megabytes", "log")
    ] = 1024

    def init(self, theta: Vector) -> Table:
        """Return the initial state: an empty table, all gradients zero."""
        return (), torch.zeros_like(theta)

    def check_objective(self, objective: Objective) -> None:
        """Raise `SpecError` if the table would exceed `memory_mb`."""
        network = objective.network
        item = 8 if network is None else network.start.element_size()
        needed = -(-objective.examples * objective.layout.size * item // MEGABYTE)
        if needed > self.memory_mb:
            numbers = f"{objective.examples} examples × {objective.layout.size} parameters"
            accepted = (
                f"at least {needed}, for {numbers}; or use fewer examples or a smaller network"
            )
            raise SpecError("SAGA.memory_mb", self.memory_mb, accepted)

    def step(self, objective: Objective, theta: Vector, memory: Table) -> tuple[Vector, Table]:
        """Take a step of size η along the negative variance-reduced gradient."""
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
    """Per-example gradients, shape (K, P), and the sampler's weights, shape (K,)."""
    part, weights = objective.network, theta.new_ones(objective.examples)
    if part is not None and isinstance(part.loss_function, Weighted):
        weights = part.loss_function.weights.to(theta)
        part = part.with_loss(part.loss_function.loss_function)
    return torch.cat(list(gradients(part or objective, theta))), weights

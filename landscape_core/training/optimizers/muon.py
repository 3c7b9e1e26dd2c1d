"""Muon: Jordan et al., 2024, Muon: An optimizer for hidden layers in neural networks.

https://kellerjordan.github.io/posts/muon. The momentum of a weight matrix is replaced by the
nearest matrix with orthonormal rows or columns, UVᵀ of its singular value decomposition, computed
approximately by five steps of a Newton-Schulz iteration whose coefficients leave singular values
between 0.7 and 1.2. Kernels of convolutions are matrices with one row per output channel. The
scale of the step is either max(1, rows/columns)^½ as in the post, or 0.2 max(rows, columns)^½ of
Liu et al., 2025, Muon is Scalable for LLM Training, arXiv:2502.16982, which makes steps as long as
those of AdamW.

Biases and gains of normalization layers are updated by AdamW with the same η and λ. The authors do
so with embeddings and the last layer too; here these are orthogonalized like all matrices. The
momentum is that of `torch.optim.Muon`, an average; the iteration runs in the type of the
parameters, where that of torch runs in bfloat16.
"""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from landscape_core.foundation.recipes import Choice, Knob, Note
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective
from landscape_core.models.parameters import Layout
from landscape_core.training.optimizers._fused import adam_step
from landscape_core.training.optimizers.base import LEARNING_RATE, MOMENTUM, Optimizer

COEFFICIENTS = 3.4445, -4.7750, 2.0315
"""a, b and c of the iteration X ← aX + b(XXᵀ)X + c(XXᵀ)²X."""
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
"""AdamW's constants for parameters that are no matrices."""
SMALLEST = 1e-7
"""The least norm that the iteration divides by."""

MuonMemory = tuple[int, Vector, Vector]
"""Number of steps t, momentum m, and AdamW's second moment v (0 for matrices)."""


@dataclass(frozen=True, kw_only=True)
class Muon(Optimizer[MuonMemory]):
    """Steps along the orthogonalized momentum of each weight matrix; AdamW for biases."""

    label: ClassVar[str] = "Muon"
    family: ClassVar[str] = "second order"
    formula: ClassVar[str] = (
        "per matrix, G its gradient:  M ← μM + (1−μ)G;  N = μM + (1−μ)G;  X = N/‖N‖;  "
        "k times X ← aX + bXXᵀX + c(XXᵀ)²X;  θ ← (1 − ηλ)θ − ηsX, "
        "s = 0.2 √max(rows, columns) or √max(1, rows/columns);  other parameters: AdamW"
    )
    source: ClassVar[str] = (
        "Jordan et al., 2024, Muon: An optimizer for hidden layers in neural networks; Liu et al., "
        "2025, Muon is Scalable for LLM Training"
    )

    learning_rate: Annotated[float, LEARNING_RATE] = 0.01
    momentum: Annotated[float, MOMENTUM] = 0.95
    nesterov: Annotated[bool, Note("add the gradient to the momentum once more, as Nesterov's")] = (
        True
    )
    iterations: Annotated[int, Knob(1, 20, "steps of the Newton-Schulz iteration")] = 5
    scale: Annotated[
        str,
        Choice(
            ("match_rms_adamw", "original"),
            "factor on the step of a matrix: 0.2 √max(rows, columns), or √max(1, rows/columns)",
        ),
    ] = "match_rms_adamw"
    weight_decay: Annotated[
        float, Knob(0.0, 10.0, "decoupled weight decay λ: θ is multiplied by 1 − ηλ")
    ] = 0.0

    def init(self, theta: Vector) -> MuonMemory:
        """Return the initial state: t = 0, momentum and second moment zero."""
        return 0, torch.zeros_like(theta), torch.zeros_like(theta)

    def step(
        self, objective: Objective, theta: Vector, memory: MuonMemory
    ) -> tuple[Vector, MuonMemory]:
        """Take a step along the orthogonalized momentum, or along AdamW's."""
        t, m, v = memory
        g = objective.gradient(theta)
        flat = _not_matrices(objective.layout, theta)
        new, first, second, _ = adam_step(
            theta[flat],
            g[flat],
            t + 1,
            m[flat],
            v[flat],
            rate=self.learning_rate,
            beta1=BETA1,
            beta2=BETA2,
            epsilon=EPSILON,
            decay=self.weight_decay,
            decoupled=True,
        )
        m = torch.lerp(m, g, 1 - self.momentum)
        ahead = torch.lerp(g, m, self.momentum) if self.nesterov else m
        theta = theta - self.learning_rate * (self.weight_decay * theta)
        for block in objective.layout.blocks:
            if block.has_filters:
                move = self._move(block.of(ahead).flatten(1))
                theta[block.start : block.stop] -= self.learning_rate * move.reshape(-1)
        theta[flat], m[flat] = new, first
        return theta, (t + 1, m, v.index_put((flat.nonzero()[:, 0],), second))

    def _move(self, matrix: Float[Tensor, "R C"]) -> Float[Tensor, "R C"]:
        """The orthogonalized and scaled matrix."""
        rows, columns = matrix.shape
        factor = (
            0.2 * math.sqrt(max(rows, columns))
            if self.scale == "match_rms_adamw"
            else math.sqrt(max(1.0, rows / columns))
        )
        return factor * orthogonalized(matrix, self.iterations)


def orthogonalized(matrix: Float[Tensor, "R C"], iterations: int) -> Float[Tensor, "R C"]:
    """The matrix with its singular values moved towards 1, by the Newton-Schulz iteration."""
    a, b, c = COEFFICIENTS
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    x = wide / wide.norm().clamp(min=SMALLEST)
    for _ in range(iterations):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x if wide is matrix else x.T


def _not_matrices(layout: Layout, theta: Vector) -> Tensor:
    """The mask (P,) of biases and gains."""
    mask = torch.ones_like(theta, dtype=torch.bool)
    for block in layout.blocks:
        if block.has_filters:
            mask[block.start : block.stop] = False
    return mask

"""Shampoo: Gupta, Koren and Singer, 2018, Shampoo: Preconditioned Stochastic Tensor Optimization.

Algorithm 1 for matrices, algorithm 2 for tensors of any order k: each of the k modes has a matrix
H, the sum of G Gᵀ over the gradients G unfolded along the mode, and the gradient is multiplied by
the power −1/(2k) of each. A vector has one mode, which gives full-matrix AdaGrad (Duchi et al.,
2011). For a mode longer than `largest` only the diagonal of H is kept.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor

from landscape_core.foundation.recipes import Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective
from landscape_core.models.parameters import Block
from landscape_core.training.optimizers.base import (
    EPSILON,
    LEARNING_RATE,
    WEIGHT_DECAY,
    Optimizer,
    decayed,
)

Preconditioners = tuple[tuple[Tensor, ...], ...]
"""For each tensor and each of its modes: H, or its diagonal; () before the first step."""


@dataclass(frozen=True, kw_only=True)
class Shampoo(Optimizer[Preconditioners]):
    """Preconditions each layer's gradient by one matrix per tensor dimension."""

    label: ClassVar[str] = "Shampoo"
    family: ClassVar[str] = "second order"
    formula: ClassVar[str] = (
        "per layer, G its gradient + λ its weights:  L ← L + GGᵀ;  R ← R + GᵀG;  "
        "θ ← θ − η L^(−1/4) G R^(−1/4);  vectors:  H ← H + ggᵀ;  θ ← θ − η H^(−1/2) g"
    )
    source: ClassVar[str] = (
        "Gupta, Koren & Singer, 2018, Shampoo: Preconditioned Stochastic Tensor Optimization"
    )

    learning_rate: Annotated[float, LEARNING_RATE] = 0.1
    epsilon: Annotated[float, EPSILON] = 1e-4
    largest: Annotated[
        int,
        Knob(
            1,
            10_000,
            "largest dimension with a full preconditioner; larger ones use a diagonal",
            "log",
        ),
    ] = 512
    weight_decay: Annotated[float, WEIGHT_DECAY] = 0.0

    def init(self, theta: Vector) -> Preconditioners:
        """Return the initial state: each H is ε times the identity."""
        del theta
        return ()

    def step(
        self, objective: Objective, theta: Vector, memory: Preconditioners
    ) -> tuple[Vector, Preconditioners]:
        """Take a step of size η along the negative preconditioned gradient."""
        blocks = objective.layout.blocks
        g = decayed(objective.gradient(theta), theta, self.weight_decay)
        gradients = [_tensor(block, g) for block in blocks]
        before = memory or tuple(self._fresh(gradient) for gradient in gradients)
        sums = tuple(
            tuple(_added(h, gradient, mode) for mode, h in enumerate(own))
            for own, gradient in zip(before, gradients, strict=True)
        )
        steps = [self._evened(*pair).reshape(-1) for pair in zip(gradients, sums, strict=True)]
        return torch.sub(theta, torch.cat(steps), alpha=self.learning_rate), sums

    def _fresh(self, gradient: Tensor) -> tuple[Tensor, ...]:
        diagonals = [gradient.new_full((size,), self.epsilon) for size in gradient.shape]
        return tuple(one.diag() if len(one) <= self.largest else one for one in diagonals)

    def _evened(self, gradient: Tensor, sums: tuple[Tensor, ...]) -> Tensor:
        """Multiply the gradient by the power −1/(2k) of H along each of its k modes."""
        power = -0.5 / len(sums)
        for mode, h in enumerate(sums):
            rows = _unfolded(gradient, mode)
            evened = h.pow(power)[:, None] * rows if h.dim() == 1 else self._power(h, power) @ rows
            gradient = evened.reshape(gradient.movedim(mode, 0).shape).movedim(0, mode)
        return gradient

    def _power(self, h: Tensor, power: float) -> Tensor:
        """The power of a symmetric matrix; NaN if it is not finite, as after divergence."""
        if not bool(h.isfinite().all()):
            return torch.full_like(h, torch.nan)
        values, vectors = torch.linalg.eigh(h)
        # Rounding may put the smallest eigenvalues below ε, where they began and only grow.
        return vectors * values.clamp(min=self.epsilon).pow(power) @ vectors.T


def _tensor(block: Block, g: Vector) -> Tensor:
    """The block's gradient in the shape of its tensor; a scalar as a vector of length 1."""
    return block.of(g) if block.shape else block.of(g)[None]


def _added(h: Tensor, gradient: Tensor, mode: int) -> Tensor:
    """Add a gradient's outer product along a mode to H."""
    rows = _unfolded(gradient, mode)
    return h + (rows @ rows.T if h.dim() > 1 else rows.square().sum(1))


def _unfolded(gradient: Tensor, mode: int) -> Tensor:
    """Unfold the tensor to a matrix with one row per index of the mode."""
    return gradient.movedim(mode, 0).reshape(gradient.shape[mode], -1)

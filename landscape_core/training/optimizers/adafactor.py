"""Adafactor: Shazeer and Stern, 2018, arXiv:1804.04235, algorithms 4 and 5.

The second moment of a matrix is kept as the product of its row and column means, so the memory is
that of rows plus columns. Update clipping bounds the root mean square of a step, and the step is
relative to that of the parameters. There is no first moment.

The paper's relative step sizes ρₜ are η times the schedule here; it proposes min(0.01, 1/√t), which
`torch.optim.Adafactor` applies to its learning rate. As in torch, ε₁² bounds the second moment from
below, where the paper adds its ε₁ to the squared gradient; ε₁ bounds the mean of R, so that steps
of smaller gradients are longer, up to the clipping; and weight decay is decoupled. Tensors of more
dimensions are factored along the last two.
"""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor

from landscape_core.foundation.recipes import Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective
from landscape_core.models.parameters import Block
from landscape_core.training.optimizers.base import LEARNING_RATE, Optimizer

Factors = tuple[int, tuple[tuple[Tensor, ...], ...]]
"""Number of steps t; of each tensor R and C, or V alone where it is not factored; () at first."""


@dataclass(frozen=True, kw_only=True)
class Adafactor(Optimizer[Factors]):
    """Adaptive step sizes from row and column means of squared gradients, without momentum."""

    label: ClassVar[str] = "Adafactor"
    family: ClassVar[str] = "adaptive"
    formula: ClassVar[str] = (
        "β = 1 − t^(−c);  per matrix R ← βR + (1−β) row means of g²;  C ← βC + (1−β) column means; "
        " V = R Cᵀ / mean R;  vectors V ← βV + (1−β)g²;  U = g/√V;  U ← U / max(1, rms(U)/d);  "
        "θ ← (1 − ηλ)θ − η max(ε₂, rms(θ)) U"
    )
    source: ClassVar[str] = (
        "Shazeer & Stern, 2018, Adafactor: Adaptive Learning Rates with Sublinear Memory Cost"
    )

    learning_rate: Annotated[float, LEARNING_RATE] = 0.02
    decay: Annotated[
        float, Knob(0.0, 1.0, "exponent c: the second moment forgets less from step to step")
    ] = 0.8
    clip: Annotated[
        float, Knob(1.0, 1e6, "upper bound d on the root mean square of a step", "log")
    ] = 1.0
    smallest: Annotated[
        float, Knob(1e-10, 1.0, "lower bound ε₂ on the root mean square of the parameters", "log")
    ] = 1e-3
    epsilon: Annotated[
        float, Knob(1e-30, 1e-2, "lower bound ε₁ on the root of the second moment", "log")
    ] = 1e-8
    weight_decay: Annotated[
        float, Knob(0.0, 10.0, "decoupled weight decay λ: θ is multiplied by 1 − ηλ")
    ] = 0.0

    def init(self, theta: Vector) -> Factors:
        """Return the initial state: t = 0, all moments zero."""
        del theta
        return 0, ()

    def step(self, objective: Objective, theta: Vector, memory: Factors) -> tuple[Vector, Factors]:
        """Take a clipped step, in each tensor relative to its size."""
        t, before = memory[0] + 1, memory[1]
        g, blocks = objective.gradient(theta), objective.layout.blocks
        moments = before or tuple(_zeros(block, g) for block in blocks)
        moments = tuple(
            self._averaged(block.of(g), own, t) for block, own in zip(blocks, moments, strict=True)
        )
        moves = [
            self._move(block, theta, g, own) for block, own in zip(blocks, moments, strict=True)
        ]
        kept = 1 - self.learning_rate * self.weight_decay
        return torch.sub(kept * theta, torch.cat(moves), alpha=self.learning_rate), (t, moments)

    def _averaged(self, g: Tensor, before: tuple[Tensor, ...], t: int) -> tuple[Tensor, ...]:
        """R and C, or V, after this gradient."""
        share, squared = t**-self.decay, g.square()
        if len(before) == 1:
            return (torch.lerp(before[0], squared, share),)
        means = squared.mean(-1, keepdim=True), squared.mean(-2, keepdim=True)
        return tuple(torch.lerp(old, new, share) for old, new in zip(before, means, strict=True))

    def _move(self, block: Block, theta: Vector, g: Vector, own: tuple[Tensor, ...]) -> Tensor:
        """The step of one tensor by η, flat."""
        least = max(self.epsilon**2, torch.finfo(g.dtype).tiny)
        if len(own) == 1:
            second = own[0]
        else:
            rows, columns = own
            second = rows @ columns / rows.mean(-2, keepdim=True).clamp(min=self.epsilon)
        update = block.of(g) * second.clamp(min=least).rsqrt()
        factor = _rms(block.of(theta)).clamp(min=self.smallest)
        return (factor / (_rms(update) / self.clip).clamp(min=1.0) * update).reshape(-1)


def _zeros(block: Block, g: Vector) -> tuple[Tensor, ...]:
    """R and C of a tensor, or V where it has less than two dimensions."""
    shape = block.shape
    if len(shape) < 2:
        return (g.new_zeros(shape),)
    return g.new_zeros((*shape[:-1], 1)), g.new_zeros((*shape[:-2], 1, shape[-1]))


def _rms(values: Tensor) -> Tensor:
    """The root mean square."""
    return values.norm() / math.sqrt(max(1, values.numel()))

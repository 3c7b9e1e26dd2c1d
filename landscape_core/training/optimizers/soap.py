"""SOAP: Vyas et al., 2024, Improving and Stabilizing Shampoo using Adam, arXiv:2409.11321.

Algorithm 3: Adam in the eigenbasis of Shampoo's preconditioner. Each mode of a tensor has a moving
average H of G Gᵀ over the gradients unfolded along it; the gradient is turned into the eigenvectors
of all H, the second moment is averaged there, and the step is turned back. The bases are refreshed
at intervals by one power iteration and a QR decomposition (algorithm 4), sorted by their
eigenvalues as in the authors' code.

The first gradient initializes every H and its basis, by an eigendecomposition. The authors' code
then skips that step; here it is taken. Modes longer than `largest` keep the identity as their
basis, and so do vectors, for which the step is Adam's; weight decay is decoupled.
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
from landscape_core.training.optimizers.base import EPSILON, LEARNING_RATE, Optimizer

Modes = tuple[tuple[Tensor, ...], ...]
"""For each tensor and each of its modes that have one: a matrix."""

SoapMemory = tuple[int, Vector, Vector, Modes, Modes]
"""Number of steps t, first moment m, second moment v in the bases, H and the bases Q."""


@dataclass(frozen=True, kw_only=True)
class SOAP(Optimizer[SoapMemory]):
    """Adam in the slowly changing eigenbasis of Shampoo's preconditioner."""

    label: ClassVar[str] = "SOAP"
    family: ClassVar[str] = "second order"
    formula: ClassVar[str] = (
        "per matrix, G its gradient, Q and R bases:  M ← β₁M + (1−β₁)G;  "
        "V ← β₂V + (1−β₂)(QᵀGR)²;  N = Q (QᵀMR / (√V + ε)) Rᵀ, with Adam's bias corrections;  "
        "θ ← (1 − ηλ)(θ − ηN);  H ← β₂H + (1−β₂)GGᵀ, and GᵀG likewise;  "
        "at intervals Q ← QR decomposition of HQ"
    )
    source: ClassVar[str] = "Vyas et al., 2024, SOAP: Improving and Stabilizing Shampoo using Adam"

    learning_rate: Annotated[float, LEARNING_RATE] = 0.01
    beta1: Annotated[float, Knob(0.0, 0.999, "exponential decay rate of the first moment, β₁")] = (
        0.95
    )
    beta2: Annotated[
        float,
        Knob(0.0, 0.9999, "exponential decay rate of the second moment and of H, β₂"),
    ] = 0.95
    epsilon: Annotated[float, EPSILON] = 1e-8
    interval: Annotated[
        int, Knob(1, 1000, "number of steps between updates of the bases", "log")
    ] = 10
    largest: Annotated[int, Knob(1, 10_000, "largest dimension with a basis of its own", "log")] = (
        1024
    )
    weight_decay: Annotated[
        float, Knob(0.0, 10.0, "decoupled weight decay λ: θ is multiplied by 1 − ηλ")
    ] = 0.0

    def init(self, theta: Vector) -> SoapMemory:
        """Return the initial state: t = 0, both moments zero, no bases."""
        return 0, torch.zeros_like(theta), torch.zeros_like(theta), (), ()

    def step(
        self, objective: Objective, theta: Vector, memory: SoapMemory
    ) -> tuple[Vector, SoapMemory]:
        """Take Adam's step in the bases, then update H and, at intervals, the bases."""
        t, m, v, sums, bases = memory
        t, blocks = t + 1, objective.layout.blocks
        g = objective.gradient(theta)
        gradients = [_tensor(block, g) for block in blocks]
        if not bases:
            sums = tuple(self._summed((), one) for one in gradients)
            bases = tuple(tuple(_eigenvectors(h) for h in own) for own in sums)
        bases = tuple(self._fitting(*pair) for pair in zip(gradients, bases, strict=True))
        turned = _all_turned(gradients, bases)
        m = torch.lerp(m, g, 1 - self.beta1)
        v = (self.beta2 * v).addcmul_(turned, turned, value=1 - self.beta2)
        move = self._move(blocks, m, v, bases, t)
        theta = torch.sub(theta, move, alpha=self.learning_rate)
        if self.weight_decay:
            theta = theta * (1 - self.learning_rate * self.weight_decay)
        sums = tuple(self._summed(*pair) for pair in zip(sums, gradients, strict=True))
        if t % self.interval == 0:
            v, bases = _refreshed(blocks, v, sums, bases)
        return theta, (t, m, v, sums, bases)

    def _fitting(self, gradient: Tensor, bases: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The bases of a tensor; where `largest` has changed, the identity or none."""
        found = []
        for basis, size in zip(bases, gradient.shape, strict=False):
            fresh = torch.eye(size if size <= self.largest else 0).to(basis)
            found.append(basis if basis.shape == fresh.shape else fresh)
        return tuple(found)

    def _summed(self, before: tuple[Tensor, ...], gradient: Tensor) -> tuple[Tensor, ...]:
        """The averages H of a tensor with this gradient; () for vectors and for long modes."""
        if gradient.ndim < 2:
            return ()
        found = []
        for mode, size in enumerate(gradient.shape):
            if size > self.largest:
                found.append(gradient.new_zeros(0, 0))
                continue
            rows = gradient.movedim(mode, 0).flatten(1)
            kept = bool(before) and len(before[mode]) > 0
            old = before[mode] if kept else gradient.new_zeros(size, size)
            found.append(torch.lerp(old, rows @ rows.T, 1 - self.beta2))
        return tuple(found)

    def _move(
        self, blocks: tuple[Block, ...], m: Vector, v: Vector, bases: Modes, t: int
    ) -> Vector:
        """The step of Adam in the bases, turned back, by η, (P,)."""
        turned = _all_turned([_tensor(block, m) for block in blocks], bases)
        factor = math.sqrt(1 - self.beta2**t) / (1 - self.beta1**t)
        scaled = factor * turned / (v.sqrt() + self.epsilon)
        return _all_turned([_tensor(block, scaled) for block in blocks], bases, back=True)


def _tensor(block: Block, vector: Vector) -> Tensor:
    """The block of a vector in the shape of its tensor; a scalar as a vector of length 1."""
    return block.of(vector) if block.shape else block.of(vector)[None]


def _all_turned(tensors: list[Tensor], bases: Modes, *, back: bool = False) -> Vector:
    """Tensors in their bases, or back from them, as one vector."""
    pairs = zip(tensors, bases, strict=True)
    return torch.cat([_turned(one, own, back=back).reshape(-1) for one, own in pairs])


def _turned(tensor: Tensor, bases: tuple[Tensor, ...], *, back: bool) -> Tensor:
    """A tensor with each mode multiplied by Qᵀ, or by Q."""
    for mode, basis in enumerate(bases):
        if len(basis):
            matrix = basis if back else basis.T
            tensor = torch.tensordot(matrix, tensor, dims=([1], [mode])).movedim(0, mode)
    return tensor


def _eigenvectors(h: Tensor) -> Tensor:
    """Eigenvectors of a symmetric matrix in columns, the largest eigenvalue first."""
    if not len(h) or not bool(h.isfinite().all()):
        return torch.full_like(h, torch.nan)
    return torch.linalg.eigh(h).eigenvectors.flip(1)


def _refreshed(
    blocks: tuple[Block, ...], v: Vector, sums: Modes, bases: Modes
) -> tuple[Vector, Modes]:
    """The bases after a power iteration, and the second moment in their order."""
    found, parts = [], []
    for block, own, old in zip(blocks, sums, bases, strict=True):
        second, new = _tensor(block, v), []
        for mode, (h, basis) in enumerate(zip(own, old, strict=True)):
            if len(h):
                product = h @ basis
                order = (basis * product).sum(0).argsort(descending=True)
                second = second.index_select(mode, order)
                new.append(torch.linalg.qr(product[:, order]).Q)
            else:
                new.append(basis)
        found.append(tuple(new))
        parts.append(second.reshape(-1))
    return torch.cat(parts), tuple(found)

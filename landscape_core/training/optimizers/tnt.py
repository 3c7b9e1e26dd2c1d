"""Tensor normal training (TNT): Ren and Goldfarb, 2021, NeurIPS, arXiv:2106.02925, algorithm 1.

The gradient G of each tensor for labels drawn from the model is taken to have a tensor normal
distribution, with a covariance matrix for each mode; their Kronecker product stands for the Fisher
matrix. H of a mode is the running average of G Gᵀ, G unfolded along the mode, and G the mean over
the mini-batch, as in the authors' code. By its normalization all modes have the same mean
eigenvalue c, and the Kronecker product has the trace of the covariance. Kernels of convolutions
have three modes: outputs, inputs and places.

Averages start as plain means; the authors start from a pass over all data. The inverses are reused
for some steps, but computed at every step at the start. For an objective that is not a network, H
is of its gradient.
"""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor

from landscape_core.curvature.layer_gradients import inverted, sampled_gradients
from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import Choice, Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.objective import Objective
from landscape_core.models.parameters import Block
from landscape_core.training.optimizers.base import LEARNING_RATE, MOMENTUM, Optimizer

Modes = tuple[tuple[Tensor, ...], ...]
"""A matrix for each tensor and each of its modes."""

TNTMemory = tuple[int, int, Modes, Modes, Vector]
"""Step count, number of gradients averaged in H, H, the inverses, and the velocity v."""

LARGEST = 2**28
"""Maximum number of entries of H over all tensors and modes."""


@dataclass(frozen=True, kw_only=True)
class TNT(Optimizer[TNTMemory]):
    """Natural gradient with one covariance matrix of the gradient for each tensor dimension."""

    label: ClassVar[str] = "TNT"
    family: ClassVar[str] = "second order"
    formula: ClassVar[str] = (
        "per tensor of k dimensions n₁ … nₖ, G its gradient for sampled labels, Gᵢ unfolded along "
        "dimension i:  Hᵢ ← βHᵢ + (1−β) GᵢGᵢᵀ;  cᵏ = tr H₁ / Πn;  Ωᵢ = nᵢHᵢ / (cᵏ⁻¹ Πn);  "
        "v ← μv + g;  θ ← θ − η v ×₁ (Ω₁ + εI)⁻¹ … ×ₖ (Ωₖ + εI)⁻¹"
    )
    source: ClassVar[str] = "Ren & Goldfarb, 2021, Tensor Normal Training for Deep Learning Models"

    learning_rate: Annotated[float, LEARNING_RATE] = 0.01
    damping: Annotated[
        float,
        Knob(1e-10, 1e4, "damping ε added to each Ω; larger values give smaller steps", "log"),
    ] = 0.1
    momentum: Annotated[float, MOMENTUM] = 0.9
    decay: Annotated[float, Knob(0.0, 0.999, "exponential decay rate β of the matrices H")] = 0.9
    update_every: Annotated[int, Knob(1, 1000, "number of steps between updates of H")] = 1
    refresh_every: Annotated[
        int, Knob(1, 1000, "number of steps between updates of the inverses")
    ] = 10
    fisher: Annotated[
        str,
        Choice(
            ("drawn", "empirical"),
            "covariance of the gradient for labels sampled from the model, or for the data's",
        ),
    ] = "drawn"
    seed: Annotated[int, Knob(0, 2**31 - 1, "random seed of the sampled labels")] = 0

    def check_objective(self, objective: Objective) -> None:
        """Raise `SpecError` if the matrices would not fit in memory."""
        count = sum(n**2 for block in objective.layout.blocks for n in shape_of(block))
        if count > LARGEST:
            accepted = f"at most {LARGEST} for TNT over all tensors"
            raise SpecError("the number of entries of H", count, accepted)

    def init(self, theta: Vector) -> TNTMemory:
        """Return the initial state: no matrices, velocity 0."""
        return 0, 0, (), (), torch.zeros_like(theta)

    def step(
        self, objective: Objective, theta: Vector, memory: TNTMemory
    ) -> tuple[Vector, TNTMemory]:
        """Take a step along the negative velocity, preconditioned in each mode."""
        index, batches, sums, inverses, v = memory
        still, g = objective.still, objective.gradient(theta)
        blocks = objective.layout.blocks
        if index % self.update_every == 0:
            batches += 1
            sums = self._averaged(sums, self._measured(still, theta, g, index), batches)
        if index < self.refresh_every or index % self.refresh_every == 0:
            inverses = tuple(self._inverted(own) for own in sums)
        v = torch.add(g, v, alpha=self.momentum)
        pairs = zip(blocks, inverses, strict=True)
        d = torch.cat([_preconditioned(tensor_of(b, v), own).reshape(-1) for b, own in pairs])
        theta = torch.sub(theta, d, alpha=self.learning_rate)
        return theta, (index + 1, batches, sums, inverses, v)

    def _measured(self, objective: Objective, theta: Vector, g: Vector, index: int) -> Modes:
        """G Gᵀ along each mode of each tensor."""
        if self.fisher == "drawn" and objective.network is not None:
            rng = random_streams.stream(self.seed, "labels", index)
            g = sampled_gradient(objective.network, theta, rng)
        tensors = [tensor_of(block, g) for block in objective.layout.blocks]
        rows = [[_unfolded(tensor, mode) for mode in range(tensor.dim())] for tensor in tensors]
        return tuple(tuple(one @ one.T for one in own) for own in rows)

    def _averaged(self, before: Modes, fresh: Modes, batches: int) -> Modes:
        """Update the running averages, which start as plain means."""
        if not before:
            return fresh
        kept = min(self.decay, 1.0 - 1.0 / batches)
        return tuple(
            tuple(torch.lerp(new, old, kept) for old, new in zip(olds, news, strict=True))
            for olds, news in zip(before, fresh, strict=True)
        )

    def _inverted(self, sums: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Invert Ω + εI of each mode."""
        count, k = math.prod(len(h) for h in sums), len(sums)
        c = (sums[0].trace() / count) ** (1 / k)
        scale = c ** (k - 1) * count
        scale = torch.where(scale > 0, scale, torch.ones_like(scale))  # where no gradient came yet
        return tuple(inverted(h * (len(h) / scale), self.damping) for h in sums)


def sampled_gradient(model: ModelObjective, theta: Vector, rng: torch.Generator) -> Vector:
    """The gradient of the mean loss for labels drawn from the model, shape (P,)."""
    point = theta.detach().requires_grad_()
    outputs = model.outputs(point)
    slopes = sampled_gradients(rng)(model, outputs.detach())
    (found,) = torch.autograd.grad(outputs, point, slopes / len(outputs), materialize_grads=True)
    return found


def shape_of(block: Block) -> tuple[int, ...]:
    """The modes of a tensor: at most three, places of a kernel as one; a scalar has one."""
    shape = block.shape or (1,)
    return shape if len(shape) < 3 else (*shape[:2], math.prod(shape[2:]))


def tensor_of(block: Block, vector: Vector) -> Tensor:
    """The block of a vector with its modes."""
    return block.of(vector).reshape(shape_of(block))


def _unfolded(tensor: Tensor, mode: int) -> Tensor:
    """The tensor as a matrix with one row for each index of the mode."""
    return tensor.movedim(mode, 0).reshape(tensor.shape[mode], -1)


def _preconditioned(tensor: Tensor, inverses: tuple[Tensor, ...]) -> Tensor:
    """The tensor multiplied by a matrix along each mode."""
    for mode, inverse in enumerate(inverses):
        tensor = torch.tensordot(inverse, tensor, dims=([1], [mode])).movedim(0, mode)
    return tensor

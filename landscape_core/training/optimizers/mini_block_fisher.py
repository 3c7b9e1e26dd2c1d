"""MBF: Bahamou, Goldfarb and Ren, 2023, A Mini-Block Fisher Method for Deep Neural Networks.

arXiv:2202.04124. The empirical Fisher matrix, the mean of g gᵀ over the per-example gradients g, is
approximated by small diagonal blocks: for a linear layer one per output, including its bias (or
their average over the outputs, which takes less memory); for a convolution one per pair of output
and input channel, and a scalar per bias. With batch normalization an example's gradient is the part
of the gradient of the mean loss that is propagated through its own rows.

The running average of F starts with that of the first batch. The inverses are reused for some
steps, but recomputed at every step at the start, while F changes most. Where F is small the update
is that of SGD with momentum and learning rate η/λ, which must therefore not be too large. With η =
0.03 and λ = 0.3 some runs of a small autoencoder diverged, with the defaults none of 13 did.

Parameters outside such layers (normalization gains, embeddings, reparametrized weights, or all if
the objective is not a network) are updated by SGD with momentum.
"""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor

from landscape_core.curvature.layer_gradients import (
    Layer,
    LayerGradients,
    gradients_of_layers,
    inverted,
    layers_of,
    target_gradients,
)
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import Choice, Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective
from landscape_core.training.optimizers.base import LEARNING_RATE, MOMENTUM, Optimizer

Blocks = tuple[tuple[Tensor, ...], ...]
"""The blocks (K, D, D) of each layer, or their inverses; () for a layer that was not called."""

MBFMemory = tuple[int, Blocks, Blocks, Vector]
"""Step count, blocks of F, their damped inverses, and velocity v."""

LARGEST = 2**28
"""Maximum number of entries of the blocks over all layers."""

HELD = 2**25
"""Approximate number of entries of per-example gradients held in memory at a time."""


@dataclass(frozen=True, kw_only=True)
class MiniBlockFisher(Optimizer[MBFMemory]):
    """Preconditions the gradient by one small empirical Fisher block per neuron or kernel."""

    label: ClassVar[str] = "Mini-block Fisher (MBF)"
    family: ClassVar[str] = "second order"
    formula: ClassVar[str] = (
        "F ← βF + (1−β) mean ggᵀ, g an example's gradient in the block of a neuron or a kernel;  "
        "v ← μv + (F + λ)⁻¹ · mean g;  θ ← θ − ηv"
    )
    source: ClassVar[str] = (
        "Bahamou, Goldfarb & Ren, 2023, A Mini-Block Fisher Method for Deep Neural Networks"
    )

    learning_rate: Annotated[float, LEARNING_RATE] = 0.05
    damping: Annotated[
        float, Knob(1e-10, 1e4, "damping λ added to F; tune it first: small values diverge", "log")
    ] = 1.0
    momentum: Annotated[float, MOMENTUM] = 0.9
    decay: Annotated[float, Knob(0.0, 0.999, "exponential decay rate β of F")] = 0.9
    update_every: Annotated[int, Knob(1, 1000, "number of steps between updates of F")] = 1
    refresh_every: Annotated[
        int, Knob(1, 1000, "number of steps between updates of the inverses")
    ] = 20
    blocks: Annotated[
        str,
        Choice(("neuron", "average"), "for linear layers: one block per output, or their average"),
    ] = "neuron"

    def check_objective(self, objective: Objective) -> None:
        """Raise `SpecError` if the blocks would not fit in memory."""
        numbers = sum(self._numbers(layer) for layer in layers_of(objective))
        if numbers > LARGEST:
            accepted = f"average, as these blocks have {numbers} entries, more than {LARGEST}"
            raise SpecError("MiniBlockFisher.blocks", self.blocks, accepted)

    def init(self, theta: Vector) -> MBFMemory:
        """Return the initial state: no blocks, velocity 0."""
        return 0, (), (), torch.zeros_like(theta)

    def step(
        self, objective: Objective, theta: Vector, memory: MBFMemory
    ) -> tuple[Vector, MBFMemory]:
        """Take a step along the negative velocity, updated by the preconditioned gradient."""
        index, blocks, inverses, v = memory
        model = None if objective.network is None else objective.network.still
        d = objective.gradient(theta)
        layers = layers_of(objective)
        if model is not None and index % self.update_every == 0:
            found = gradients_of_layers(model, theta, layers, target_gradients)
            fresh = tuple(
                self._measured(one, found[one.name]) if one.name in found else () for one in layers
            )
            blocks = self._averaged(blocks, fresh)
        if index < self.refresh_every or index % self.refresh_every == 0:
            inverses = tuple(tuple(inverted(one, self.damping) for one in own) for own in blocks)
        for layer, own in zip(layers, inverses, strict=False):  # no inverses without a network
            if own:
                layer.put(_divided(layer, layer.matrix(d), own), d)
        v = torch.add(d, v, alpha=self.momentum)
        theta = torch.sub(theta, v, alpha=self.learning_rate)
        return theta, (index + 1, blocks, inverses, v)

    def _numbers(self, layer: Layer) -> int:
        rows, columns = layer.shape
        if layer.kernel:
            return rows * layer.weight.shape[1] * math.prod(layer.kernel) ** 2
        return (rows if self.blocks == "neuron" else 1) * columns**2

    def _measured(self, layer: Layer, found: LayerGradients) -> tuple[Tensor, ...]:
        """Compute the blocks of a layer for this batch, a few outputs at a time."""
        examples, _, columns = found.inputs.shape
        parts = found.slopes.split(max(1, HELD // (examples * columns)), 2)
        # The gradient of each output's weights at each example: (O, N, I).
        gradients = (torch.einsum("nto,nti->oni", part, found.inputs) for part in parts)
        if layer.kernel:
            blocks = [_kernels(layer, own) for own in gradients]
            return tuple(torch.cat(own) for own in zip(*blocks, strict=True))
        if self.blocks == "neuron":
            return (torch.cat([own.mT @ own / examples for own in gradients]),)
        rows, count = (own.flatten(0, 1) for own in gradients), examples * layer.shape[0]
        return (torch.stack([own.T @ own for own in rows]).sum(0, keepdim=True) / count,)

    def _averaged(self, before: Blocks, fresh: Blocks) -> Blocks:
        """Update the running averages."""
        return tuple(
            tuple(torch.lerp(new, old, self.decay) for old, new in zip(olds, news, strict=True))
            if olds and news
            else news or olds
            for olds, news in zip(before or fresh, fresh, strict=True)
        )


def _kernels(layer: Layer, gradients: Tensor) -> tuple[Tensor, ...]:
    """The blocks of the kernels of some outputs, and of their biases if there are any."""
    outputs, examples, _ = gradients.shape
    count, size = layer.weight.shape[1], math.prod(layer.kernel)
    weights = gradients[..., : count * size].reshape(outputs, examples, count, size)
    rows = weights.transpose(1, 2).flatten(0, 1)
    blocks = rows.mT @ rows / examples
    if layer.bias is None:
        return (blocks,)
    return blocks, gradients[..., -1].square().mean(1)[:, None, None]


def _divided(layer: Layer, matrix: Tensor, inverses: tuple[Tensor, ...]) -> Tensor:
    """Multiply the parts of the layer's matrix by their inverse blocks."""
    if not layer.kernel:
        return (inverses[0] @ matrix[:, :, None])[..., 0]
    kernels, *biases = inverses
    weights = matrix if layer.bias is None else matrix[:, :-1]
    parts = weights.reshape(len(kernels), -1, 1)
    divided = (kernels @ parts).reshape(len(matrix), -1)
    return torch.cat([divided, *(one[:, 0] * matrix[:, -1:] for one in biases)], 1)

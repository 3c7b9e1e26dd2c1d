"""MBF: Bahamou, Goldfarb and Ren, 2023, A Mini-Block Fisher Method for Deep Neural Networks.

arXiv:2202.04124. The empirical Fisher matrix, the mean of g gᵀ over the gradients g of the single
examples, is kept in small blocks on its diagonal: of a linear layer one for each output, its bias
included (or their average for all outputs, which takes less memory); of a convolution one for each
pair of an output and an input channel, and one number for each bias. With batch normalization an
example's gradient is the share of the mean loss that comes back through its own rows.

The running mean of F begins with that of the first batch. The inverses are kept for some steps, but
for as many at the start, while F changes most, they are made anew each time. Where F is small the
steps are those of momentum with the rate η/λ: what is too large for that is too large here. With
η = 0.03 and λ = 0.3 some starts of a small autoencoder diverged, with the defaults none of 13 did.

Parameters that belong to no such layer (gains, embeddings, weights that are made of others, or all
where there is no network) move by η along their plain gradient.
"""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import Choice, Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective
from landscape_core.training.optimizers._layers import (
    Layer,
    Seen,
    inverted,
    layers_of,
    seen,
    target_slopes,
)
from landscape_core.training.optimizers.base import LEARNING_RATE, MOMENTUM, Optimizer

Blocks = tuple[tuple[Tensor, ...], ...]
"""Of each layer its blocks, (K, D, D), or their inverses; () of one that has not been called."""

MBFMemory = tuple[int, Blocks, Blocks, Vector]
"""Steps taken, the blocks of F, their damped inverses, and the velocity v."""

LARGEST = 2**28
"""Numbers that the blocks of all layers may have."""

HELD = 2**25
"""Numbers that gradients of single examples held at once may have, about."""


@dataclass(frozen=True, kw_only=True)
class MiniBlockFisher(Optimizer[MBFMemory]):
    """Divides the gradient by a small matrix for each neuron or kernel: what it does by itself."""

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
        float, Knob(1e-10, 1e4, "λ added to F; tune it first: a small one diverges", "log")
    ] = 1.0
    momentum: Annotated[float, MOMENTUM] = 0.9
    decay: Annotated[float, Knob(0.0, 0.999, "memory β of F")] = 0.9
    update_every: Annotated[int, Knob(1, 1000, "steps from one update of F to the next")] = 1
    refresh_every: Annotated[
        int, Knob(1, 1000, "steps for which the inverses are kept, but at the start one")
    ] = 20
    blocks: Annotated[
        str, Choice(("neuron", "average"), "of a linear layer: one for each output, or their mean")
    ] = "neuron"

    def check_objective(self, objective: Objective) -> None:
        """Refuse layers whose blocks would not fit in memory."""
        numbers = sum(self._numbers(layer) for layer in layers_of(objective))
        if numbers > LARGEST:
            accepted = f"average, or a network whose blocks have {LARGEST} numbers, not {numbers}"
            raise SpecError("MiniBlockFisher.blocks", self.blocks, accepted)

    def init(self, theta: Vector) -> MBFMemory:
        """No step taken, nothing known of the layers, at rest."""
        return 0, (), (), torch.zeros_like(theta)

    def step(
        self, objective: Objective, theta: Vector, memory: MBFMemory
    ) -> tuple[Vector, MBFMemory]:
        """One step against the velocity, which has taken up the preconditioned gradient."""
        index, blocks, inverses, v = memory
        model = None if objective.network is None else objective.network.still
        d = objective.gradient(theta)
        layers = layers_of(objective)
        if model is not None and index % self.update_every == 0:
            found = seen(model, theta, layers, target_slopes)
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

    def _measured(self, layer: Layer, found: Seen) -> tuple[Tensor, ...]:
        """The blocks of a layer for this batch, some outputs at a time."""
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
        """The running means."""
        return tuple(
            tuple(torch.lerp(new, old, self.decay) for old, new in zip(olds, news, strict=True))
            if olds and news
            else news or olds
            for olds, news in zip(before or fresh, fresh, strict=True)
        )


def _kernels(layer: Layer, gradients: Tensor) -> tuple[Tensor, ...]:
    """The blocks of the kernels of some outputs, and those of their biases if they have any."""
    outputs, examples, _ = gradients.shape
    count, size = layer.weight.shape[1], math.prod(layer.kernel)
    weights = gradients[..., : count * size].reshape(outputs, examples, count, size)
    rows = weights.transpose(1, 2).flatten(0, 1)
    blocks = rows.mT @ rows / examples
    if layer.bias is None:
        return (blocks,)
    return blocks, gradients[..., -1].square().mean(1)[:, None, None]


def _divided(layer: Layer, matrix: Tensor, inverses: tuple[Tensor, ...]) -> Tensor:
    """The inverse blocks times what the layer's matrix holds of each."""
    if not layer.kernel:
        return (inverses[0] @ matrix[:, :, None])[..., 0]
    kernels, *biases = inverses
    weights = matrix if layer.bias is None else matrix[:, :-1]
    parts = weights.reshape(len(kernels), -1, 1)
    divided = (kernels @ parts).reshape(len(matrix), -1)
    return torch.cat([divided, *(one[:, 0] * matrix[:, -1:] for one in biases)], 1)

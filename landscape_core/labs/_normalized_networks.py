"""Multilayer perceptrons with many learning rates at once, as batches of matrices.

The networks are those of the catalogue, with their initialization; thirteen of them at once take a
third of the time that they take one after the other.
"""

from typing import final

import torch
from torch import Tensor
from torch.nn import functional

from landscape_core.foundation.random_streams import stream
from landscape_core.models.architectures.mlp import MLP
from landscape_core.models.normalizations.base import Normalization
from landscape_core.models.normalizations.batch import Batch
from landscape_core.models.normalizations.layer import Layer
from landscape_core.models.normalizations.none import NoNormalization
from landscape_core.models.normalizations.weight import Weight
from landscape_core.models.parameters import Layout

INPUTS, WIDTH, CLASSES = 64, 64, 10
"""Pixels of a digit, units of each hidden layer, digits."""

EPSILON = 1e-5
"""What torch's normalization layers add to variances."""

TENSORS = {"none": 2, "layer": 4, "batch": 4, "weight": 3}
"""Parameter tensors of a hidden layer, for the normalizations that are known here."""


NORMALIZATIONS: dict[str, Normalization] = {
    "none": NoNormalization(), "layer": Layer(), "batch": Batch(), "weight": Weight(),
}  # fmt: skip


def architecture(depth: int, normalization: str) -> MLP:
    """The network of the catalogue."""
    return MLP(depth=depth, width=WIDTH, normalization=NORMALIZATIONS[normalization])


@final
class Networks:
    """Networks with a normalization; R vectors of parameters (R, P) are evaluated at once."""

    def __init__(self, depth: int, normalization: str, seed: int) -> None:
        """The networks, which have one start."""
        recipe = architecture(depth, normalization)
        module = recipe.build((INPUTS,), CLASSES, stream(seed, "init"))
        self.layout = Layout.of_module(module)
        self.start = self.layout.join(dict(module.named_parameters()))
        self.normalization, self._each = normalization, TENSORS[normalization]

    def outputs(self, thetas: Tensor, inputs: Tensor, reference: int | None = None) -> Tensor:
        """The outputs (R, N, 10) on inputs (N, 64).

        Batch normalization uses the statistics of the first `reference` inputs; None: of all.
        """
        blocks = self.layout.blocks
        pieces = thetas.split([block.stop - block.start for block in blocks], dim=1)
        tensors = [
            piece.view(len(thetas), *block.shape)
            for piece, block in zip(pieces, blocks, strict=True)
        ]
        hidden = inputs.expand(len(thetas), -1, -1)
        while len(tensors) > 2:
            own, tensors = tensors[: self._each], tensors[self._each :]
            hidden = self._layer(hidden, own, reference).relu()
        return _linear(hidden, *tensors)

    def losses(self, thetas: Tensor, inputs: Tensor, targets: Tensor) -> Tensor:
        """The mean cross-entropy of each network on a batch: (R,)."""
        found = self.outputs(thetas, inputs)
        every = functional.cross_entropy(
            found.flatten(0, 1), targets.repeat(len(thetas)), reduction="none"
        )
        return every.view(len(thetas), -1).mean(1)

    def accuracy(self, thetas: Tensor, known: Tensor, inputs: Tensor, targets: Tensor) -> Tensor:
        """The fraction of inputs that each network classifies correctly, (R,); 0 if it diverged.

        Batch normalization has the statistics of the `known` inputs.
        """
        both = torch.cat([known, inputs]) if self.normalization == "batch" else inputs
        before = len(both) - len(inputs)
        with torch.no_grad():
            found = self.outputs(thetas, both, before)[:, before:]
        right = (found.argmax(2) == targets).double().mean(1)
        return torch.where(found.isfinite().flatten(1).all(1), right, 0.0)

    def step(self, thetas: Tensor, rates: Tensor, inputs: Tensor, targets: Tensor) -> Tensor:
        """All networks after a step of gradient descent, each with its own rate (R,)."""
        point = thetas.detach().requires_grad_()
        (slopes,) = torch.autograd.grad(self.losses(point, inputs, targets).sum(), point)
        return thetas - rates[:, None] * slopes

    def _layer(self, hidden: Tensor, own: list[Tensor], reference: int | None) -> Tensor:
        """A hidden layer with its normalization, before the activation function."""
        if self.normalization == "weight":
            bias, length, direction = own
            lengths = torch.linalg.vector_norm(direction, dim=-1, keepdim=True)
            return _linear(hidden, length * direction / lengths, bias)
        found = _linear(hidden, *own[:2])
        if self.normalization == "none":
            return found
        gain, shift = (one[:, None] for one in own[2:])
        if self.normalization == "layer":
            return functional.layer_norm(found, found.shape[-1:], eps=EPSILON) * gain + shift
        variance, mean = torch.var_mean(found[:, :reference], 1, correction=0, keepdim=True)
        return (found - mean) * (gain * (variance + EPSILON).rsqrt()) + shift


def _linear(hidden: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return torch.baddbmm(bias[:, None], hidden, weight.mT)

"""What all networks are put together from."""

import math

import torch
from torch import nn

from landscape_core.foundation.recipes import Choice
from landscape_core.models.activations import KNOWN
from landscape_core.models.initializations.base import Initialization
from landscape_core.models.normalizations.base import Normalization

ACTIVATIONS: dict[str, type[nn.Module]] = {one.name: one.layer for one in KNOWN if one.name}
ACTIVATION = Choice(
    tuple(ACTIVATIONS), "activation function after each hidden layer; identity: a linear network"
)


def initialized(
    layer: nn.Linear | nn.Conv2d, start: Initialization, activation: str, rng: torch.Generator
) -> nn.Linear | nn.Conv2d:
    """The layer with its weight and bias drawn anew."""
    start.fill(layer.weight, activation, rng)
    if layer.bias is not None:
        start.fill_bias(layer.bias, layer.weight, rng)
    return layer


def normalized(normalization: Normalization, channels: int, spatial: int) -> list[nn.Module]:
    """The normalization layer, or none at all."""
    layer = normalization.layer(channels, spatial)
    return [] if isinstance(layer, nn.Identity) else [layer]


class Residual(nn.Module):
    """activation(h + branch(h)), or activation(branch(h)) without the skip."""

    def __init__(
        self, branch: nn.Module, activation: str, *, skips: bool, shortcut: nn.Module | None = None
    ) -> None:
        """A block around a branch; `shortcut` fits the skip to another shape."""
        super().__init__()
        self.branch, self.skips, self.shortcut = branch, skips, shortcut or nn.Identity()
        self.activation = ACTIVATIONS[activation]()

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """The block's output, in the shape of its branch's."""
        branch = self.branch(hidden)
        return self.activation(self.shortcut(hidden) + branch if self.skips else branch)


class ScaledLinear(nn.Module):
    """σ/√n · W x + β b, from (N, n) to (N, outputs)."""

    def __init__(
        self, inputs: int, outputs: int, sigma: float, beta: float, rng: torch.Generator
    ) -> None:
        """Standard normal W (outputs, inputs) and b (outputs,)."""
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, generator=rng))
        self.bias = nn.Parameter(torch.randn(outputs, generator=rng))
        self.gain, self.beta = sigma / math.sqrt(inputs), beta

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """The layer's output."""
        return nn.functional.linear(inputs, self.gain * self.weight, self.beta * self.bias)


class Tokens(nn.Module):
    """Rows (N, H, C W) of images (N, C, H, W) or (N, H, W); entries (N, D, 1) of vectors."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the sequence of tokens."""
        return inputs[:, :, None] if inputs.ndim == 2 else inputs.movedim(-2, 1).flatten(2)


def stages(depth: int, channels: int) -> list[tuple[int, int]]:
    """Channels and stride of each layer: three stages, each but the first halves the image."""
    found = []
    for i in range(depth):
        stage = 3 * i // depth
        starts = i > 0 and stage > 3 * (i - 1) // depth
        found.append((channels * 2**stage, 2 if starts else 1))
    return found

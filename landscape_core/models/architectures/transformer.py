"""A transformer encoder: Vaswani et al., 2017, arXiv:1706.03762, section 3.

Pre-norm blocks, which train without warm-up (Xiong et al., 2020, arXiv:2002.04745), and learned
positional embeddings. Attention is computed with explicit products and a softmax, because fused
attention has no second derivative.
"""

import math
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import Knob, Note
from landscape_core.models.architectures.base import Architecture
from landscape_core.models.initializations.base import Initialization
from landscape_core.models.initializations.xavier import Xavier
from landscape_core.models.network_blocks import ACTIVATION, ACTIVATIONS, Tokens, initialized

EXPANSION = 4
"""Ratio of the feed-forward width to the model width: the paper's 2048 / 512."""

POSITIONS = 0.02
"""Standard deviation of the initial positional embeddings, as in Devlin et al., 2019."""


@dataclass(frozen=True, kw_only=True)
class Transformer(Architecture):
    """Transformer encoder over the rows of an image or the entries of a vector."""

    label: ClassVar[str] = "transformer"
    depth_field: ClassVar[str] = "depth"

    depth: Annotated[int, Knob(1, 24, "number of encoder blocks")] = 2
    width: Annotated[int, Knob(1, 1024, "embedding dimension of a token", scale="log")] = 16
    heads: Annotated[int, Knob(1, 64, "number of attention heads, a divisor of the width")] = 2
    activation: Annotated[str, ACTIVATION] = "relu"
    initialization: Annotated[Initialization, Note("weight initialization")] = field(
        default_factory=Xavier
    )

    def check(self) -> None:
        """Raise `SpecError` if the number of heads does not divide the width."""
        if self.width % self.heads:
            accepted = f"a divisor of the width {self.width}"
            raise SpecError("Transformer.heads", self.heads, accepted)

    def network(
        self, input_shape: tuple[int, ...], outputs: int, rng: torch.Generator
    ) -> nn.Module:
        tokens = input_shape[-2] if len(input_shape) > 1 else input_shape[0]
        size = math.prod(input_shape) // tokens
        layers: list[nn.Module] = [Tokens(), self._linear(size, self.width, rng)]
        layers.append(Positions(POSITIONS * torch.randn(tokens, self.width, generator=rng)))
        for _ in range(self.depth):
            attention = Attention(
                *(self._linear(self.width, self.width, rng) for _ in range(4)), heads=self.heads
            )
            wide = EXPANSION * self.width
            layers.append(Added(nn.Sequential(nn.LayerNorm(self.width), attention)))
            feed = [
                self._linear(self.width, wide, rng, self.activation),
                ACTIVATIONS[self.activation](),
                self._linear(wide, self.width, rng),
            ]
            layers.append(Added(nn.Sequential(nn.LayerNorm(self.width), *feed)))
        layers += [nn.LayerNorm(self.width), Mean(), self._linear(self.width, outputs, rng)]
        return nn.Sequential(*layers)

    def _linear(
        self, inputs: int, outputs: int, rng: torch.Generator, activation: str = "identity"
    ) -> nn.Module:
        return initialized(nn.Linear(inputs, outputs), self.initialization, activation, rng)


class Positions(nn.Module):
    """Add a learned positional embedding to each token."""

    def __init__(self, start: Tensor) -> None:
        """Hold the initial embeddings, (T, width)."""
        super().__init__()
        self.places = nn.Parameter(start)

    def forward(self, tokens: Tensor) -> Tensor:
        """Add the positional embeddings to tokens (N, T, width)."""
        return tokens + self.places


class Mean(nn.Module):
    """Mean pooling over tokens, from (N, T, width) to (N, width)."""

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the mean over the tokens of each example."""
        return tokens.mean(1)


class Added(nn.Module):
    """A residual connection h + branch(h) without activation function."""

    def __init__(self, branch: nn.Module) -> None:
        """Add a skip connection around a branch."""
        super().__init__()
        self.branch = branch

    def forward(self, hidden: Tensor) -> Tensor:
        """Return the sum, in the shape of the input."""
        return hidden + self.branch(hidden)


class Attention(nn.Module):
    """Multi-head self-attention: softmax(Q Kᵀ / √d) V, equation 1."""

    def __init__(
        self, query: nn.Module, key: nn.Module, value: nn.Module, last: nn.Module, *, heads: int
    ) -> None:
        """Build attention from four linear layers; d is the width of a head."""
        super().__init__()
        self.query, self.key, self.value, self.last = query, key, value, last
        self.heads = heads

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the attention output, (N, T, width)."""
        query, key, value = (
            layer(tokens).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        )
        scores = query @ key.transpose(2, 3) / math.sqrt(query.shape[-1])
        found: Tensor = self.last((scores.softmax(-1) @ value).transpose(1, 2).flatten(2))
        return found

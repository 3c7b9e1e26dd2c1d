"""A transformer encoder: Vaswani et al., 2017, arXiv:1706.03762, section 3.

Normalized before each part and not behind it, which trains without warm-up (Xiong et al., 2020,
arXiv:2002.04745), with learned positions. Attention is written out as products and a softmax, as
fused attention has no second derivative.
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
from landscape_core.models.network_blocks import ACTIVATION, ACTIVATIONS, initialized

EXPANSION = 4
"""Units of the feed-forward layer for each number of a token: the paper's 2048 / 512."""

POSITIONS = 0.02
"""The standard deviation of positions at the start, as in Devlin et al., 2019."""


@dataclass(frozen=True, kw_only=True)
class Transformer(Architecture):
    """Attention between the rows of an image, or the numbers of a vector; then their mean."""

    label: ClassVar[str] = "transformer"

    depth: Annotated[int, Knob(1, 24, "blocks of attention and feed-forward layers")] = 2
    width: Annotated[int, Knob(1, 1024, "numbers that a token has", scale="log")] = 16
    heads: Annotated[int, Knob(1, 64, "attentions side by side, a divisor of the width")] = 2
    activation: Annotated[str, ACTIVATION] = "relu"
    initialization: Annotated[Initialization, Note("how the weights start")] = field(
        default_factory=Xavier
    )

    def check(self) -> None:
        """Raise `SpecError` if the heads cannot share the width."""
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


class Tokens(nn.Module):
    """Rows (N, H, C W) of images (N, C, H, W) or of (N, H, W); of vectors (N, D) the (N, D, 1)."""

    def forward(self, inputs: Tensor) -> Tensor:
        """The tokens, one after another."""
        return inputs[:, :, None] if inputs.ndim == 2 else inputs.movedim(-2, 1).flatten(2)


class Positions(nn.Module):
    """Adds to each token what is learned of its place."""

    def __init__(self, start: Tensor) -> None:
        """The places' vectors at the start, (T, width)."""
        super().__init__()
        self.places = nn.Parameter(start)

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens (N, T, width) with their places."""
        return tokens + self.places


class Mean(nn.Module):
    """The mean over tokens, from (N, T, width) to (N, width)."""

    def forward(self, tokens: Tensor) -> Tensor:
        """The mean of each example."""
        return tokens.mean(1)


class Added(nn.Module):
    """h + branch(h), without an activation behind."""

    def __init__(self, branch: nn.Module) -> None:
        """A skip around a branch."""
        super().__init__()
        self.branch = branch

    def forward(self, hidden: Tensor) -> Tensor:
        """The sum, in the shape of what came in."""
        return hidden + self.branch(hidden)


class Attention(nn.Module):
    """Multi-head attention of each token to all: softmax(Q Kᵀ / √d) V, equation 1."""

    def __init__(
        self, query: nn.Module, key: nn.Module, value: nn.Module, last: nn.Module, *, heads: int
    ) -> None:
        """Attention by four linear layers; d is the share of the width that a head has."""
        super().__init__()
        self.query, self.key, self.value, self.last = query, key, value, last
        self.heads = heads

    def forward(self, tokens: Tensor) -> Tensor:
        """What each token takes from all, (N, T, width)."""
        query, key, value = (
            layer(tokens).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        )
        scores = query @ key.transpose(2, 3) / math.sqrt(query.shape[-1])
        found: Tensor = self.last((scores.softmax(-1) @ value).transpose(1, 2).flatten(2))
        return found

"""Recurrent networks: LSTM and GRU over the rows of the input.

Hochreiter and Schmidhuber, 1997, Long Short-Term Memory, with the forget gate of Gers, Schmidhuber
and Cummins, 2000; Cho et al., 2014, arXiv:1406.1078, in the form of PyTorch's `nn.GRU`, where the
reset gate is applied after the product. As there, all weights and biases are uniform on ±1/√width.
The cells are written out in products, since fused ones have no second derivative.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from landscape_core.foundation.recipes import Choice, Knob
from landscape_core.models.architectures.base import Architecture
from landscape_core.models.initializations.pytorch import PyTorch
from landscape_core.models.network_blocks import Tokens, initialized


@dataclass(frozen=True, kw_only=True)
class Recurrent(Architecture):
    """Recurrent network over the rows of an image or the entries of a vector."""

    label: ClassVar[str] = "recurrent network (LSTM, GRU)"
    depth_field: ClassVar[str] = "depth"

    depth: Annotated[int, Knob(1, 8, "number of recurrent layers")] = 1
    width: Annotated[int, Knob(1, 1024, "size of the hidden state", scale="log")] = 16
    cell: Annotated[str, Choice(("lstm", "gru"), "recurrent cell")] = "lstm"

    def network(
        self, input_shape: tuple[int, ...], outputs: int, rng: torch.Generator
    ) -> nn.Module:
        layers: list[nn.Module] = [Tokens()]
        size = 1
        if len(input_shape) > 1:
            size = input_shape[-1] * (input_shape[0] if len(input_shape) > 2 else 1)
        for _ in range(self.depth):
            layers.append(RecurrentLayer(self.cell, size, self.width, rng))
            size = self.width
        last = initialized(nn.Linear(self.width, outputs), PyTorch(), "identity", rng)
        return nn.Sequential(*layers, Last(), last)


class RecurrentLayer(nn.Module):
    """A layer of cells from (N, T, size) to the hidden states (N, T, width), which start at 0.

    Parameters have the names, shapes and order of gates of `nn.LSTM` and `nn.GRU`.
    """

    def __init__(self, cell: str, size: int, width: int, rng: torch.Generator) -> None:
        """Draw the weights of a layer of cells of this kind."""
        super().__init__()
        gates, self.step = CELLS[cell]
        rows = gates * width
        self.weight_ih = nn.Parameter(uniform(rows, size, width=width, rng=rng))
        self.weight_hh = nn.Parameter(uniform(rows, width, width=width, rng=rng))
        self.bias_ih = nn.Parameter(uniform(rows, width=width, rng=rng))
        self.bias_hh = nn.Parameter(uniform(rows, width=width, rng=rng))
        self.width = width

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the hidden state after each token."""
        inner = linear(tokens, self.weight_ih, self.bias_ih)
        state = (tokens.new_zeros(len(tokens), self.width),) * 2
        found = []
        for each in inner.unbind(1):
            recurrent = linear(state[0], self.weight_hh, self.bias_hh)
            state = self.step(each, recurrent, state)
            found.append(state[0])
        return torch.stack(found, 1)


class Last(nn.Module):
    """The last of a sequence, from (N, T, width) to (N, width)."""

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the last token of each example."""
        return tokens[:, -1]


State = tuple[Tensor, Tensor]
"""The hidden state h and the cell state c, (N, width) each; a GRU has only the first."""


def lstm_step(inner: Tensor, recurrent: Tensor, state: State) -> State:
    """Return c ← f ∘ c + i ∘ g;  h ← o ∘ tanh(c), with gates i, f, g, o."""
    i, f, g, o = (inner + recurrent).chunk(4, dim=-1)
    c = f.sigmoid() * state[1] + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def gru_step(inner: Tensor, recurrent: Tensor, state: State) -> State:
    """Return h ← (1 − z) ∘ n + z ∘ h, with n = tanh(x-part + r ∘ h-part) and gates r, z, n."""
    (r, z, n), (recurrent_r, recurrent_z, recurrent_n) = (
        part.chunk(3, dim=-1) for part in (inner, recurrent)
    )
    new = (n + (r + recurrent_r).sigmoid() * recurrent_n).tanh()
    update = (z + recurrent_z).sigmoid()
    h = (1 - update) * new + update * state[0]
    return h, h


Step = Callable[[Tensor, Tensor, State], State]

CELLS: Mapping[str, tuple[int, Step]] = {"lstm": (4, lstm_step), "gru": (3, gru_step)}
"""How many gates a cell has, and its step."""


def uniform(*shape: int, width: int, rng: torch.Generator) -> Tensor:
    """Uniform on ±1/√width."""
    return (2 * torch.rand(*shape, generator=rng) - 1) / width**0.5

"""The highway network: Srivastava, Greff and Schmidhuber, 2015, arXiv:1505.00387, equation 3.

    y = F(x) ⊙ T(x) + x ⊙ (1 − T(x)),  T(x) = sigmoid(W_T x + b_T)

Biases of the gates start negative, so that layers carry their inputs on (section 2.2).
"""

import math
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, final

import torch
from torch import Tensor, nn

from landscape_core.foundation.recipes import Knob, Note
from landscape_core.models.architectures.base import Architecture
from landscape_core.models.initializations.base import Initialization
from landscape_core.models.initializations.he import He
from landscape_core.models.network_blocks import ACTIVATION, ACTIVATIONS, initialized, normalized
from landscape_core.models.normalizations.base import Normalization
from landscape_core.models.normalizations.none import NoNormalization


@dataclass(frozen=True, kw_only=True)
class Highway(Architecture):
    """Fully connected layers with gates that carry the input past them."""

    label: ClassVar[str] = "highway network"
    depth_field: ClassVar[str] = "depth"

    depth: Annotated[int, Knob(1, 200, "number of highway layers after the first layer")] = 10
    width: Annotated[int, Knob(1, 4096, "number of units in each hidden layer", scale="log")] = 32
    gate_bias: Annotated[
        float, Knob(-10.0, 10.0, "initial bias of the gates; negative: the input is carried on")
    ] = -2.0
    activation: Annotated[str, ACTIVATION] = "relu"
    normalization: Annotated[
        Normalization, Note("normalization before each activation function; not of gates")
    ] = field(default_factory=NoNormalization)
    initialization: Annotated[Initialization, Note("weight initialization")] = field(
        default_factory=He
    )

    def network(
        self, input_shape: tuple[int, ...], outputs: int, rng: torch.Generator
    ) -> nn.Module:
        layers: list[nn.Module] = [nn.Flatten()] if len(input_shape) > 1 else []
        layers += self._branch(math.prod(input_shape), rng)
        for _ in range(self.depth):
            branch = nn.Sequential(*self._branch(self.width, rng))
            gate = nn.Linear(self.width, self.width)
            initialized(gate, self.initialization, "sigmoid", rng)
            with torch.no_grad():
                gate.bias.fill_(self.gate_bias)
            layers.append(Gated(branch, gate))
        last = nn.Linear(self.width, outputs)
        return nn.Sequential(*layers, initialized(last, self.initialization, "identity", rng))

    def _branch(self, size: int, rng: torch.Generator) -> list[nn.Module]:
        linear = nn.Linear(size, self.width)
        initialized(linear, self.initialization, self.activation, rng)
        activation = ACTIVATIONS[self.activation]()
        return [linear, *normalized(self.normalization, self.width, 0), activation]


@final
class Gated(nn.Module):
    """A branch and the input, mixed by a gate for each unit."""

    def __init__(self, transform: nn.Module, gate: nn.Module) -> None:
        """A layer F and the linear layer of its gate T."""
        super().__init__()
        self.transform, self.gate = transform, gate

    def forward(self, hidden: Tensor) -> Tensor:
        """F(x) ⊙ T(x) + x ⊙ (1 − T(x)), in the shape of x."""
        share = torch.sigmoid(self.gate(hidden))
        mixed: Tensor = self.transform(hidden) * share + hidden * (1 - share)
        return mixed

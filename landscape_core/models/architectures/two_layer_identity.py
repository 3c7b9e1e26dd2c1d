"""The two-layer ReLU network with identity mapping: Li and Yuan, 2017, arXiv:1705.09886."""

import math
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import Note
from landscape_core.models.architectures.base import Architecture
from landscape_core.models.initializations.base import Initialization
from landscape_core.models.initializations.gaussian import Gaussian
from landscape_core.models.network_blocks import initialized


@dataclass(frozen=True, kw_only=True)
class TwoLayerIdentity(Architecture):
    """Scalar output Σᵢ ReLU(⟨eᵢ + wᵢ, x⟩): one unit per input, with an identity mapping."""

    label: ClassVar[str] = "two-layer network with identity mapping"

    identity: Annotated[
        bool, Note("identity mapping: add eᵢ to each unit's weights; off: Σᵢ ReLU(⟨wᵢ, x⟩)")
    ] = True
    initialization: Annotated[Initialization, Note("weight initialization of the wᵢ")] = field(
        default_factory=lambda: Gaussian(gain=0.1)
    )

    def network(
        self, input_shape: tuple[int, ...], outputs: int, rng: torch.Generator
    ) -> nn.Module:
        if outputs != 1:
            accepted = "1 for two_layer_identity: a scalar target, or two classes and the "
            raise SpecError("the number of outputs", outputs, accepted + "logistic loss")
        size = math.prod(input_shape)
        linear = nn.Linear(size, size, bias=False)
        initialized(linear, self.initialization, "relu", rng)
        return UnitSum(linear, identity=self.identity)


class UnitSum(nn.Module):
    """The sum Σᵢ ReLU(xᵢ + ⟨wᵢ, x⟩), or without the xᵢ, from (N, ...) to (N, 1)."""

    def __init__(self, linear: nn.Module, *, identity: bool) -> None:
        """Hold a square linear layer whose rows are the wᵢ."""
        super().__init__()
        self.linear, self.identity = linear, identity

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the sum for each example."""
        flat = inputs.flatten(1)
        units = self.linear(flat)
        return torch.relu(flat + units if self.identity else units).sum(1, keepdim=True)

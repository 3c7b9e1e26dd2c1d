"""The reduced parameter space: Qin, Zhou and Xiu, 2018, arXiv:1805.08340, section 2.

A ReLU unit is homogeneous: its weights may be taken from the unit sphere, its scale left to the
layer behind. And on inputs no longer than X_B a threshold beyond ±X_B does nothing that units
inside could not do; `benchmarks/parts/_reduction.py` gives the equivalent network. So a layer's
units are

    w = v / ‖v‖,    b = X_B sin(β / X_B),

with v and β free: any optimizer moves them, and none leaves the space. The paper clamps, which
leaves a unit at the bound without a gradient; the sine (James and Roos, 1975, Minuit) is smooth,
bends back at ±X_B and is level only there. At the start each unit of a plain layer, its threshold
with it, is divided by ‖w‖. A threshold beyond the bound, of a unit that bends nowhere on the
domain, is reflected at it, so that the unit does bend there; none starts beyond `NEAR` of it.

X_B is the same for all layers; the paper's bounds grow from layer to layer. For a convolution the
inputs are patches. The last layer stays free, as the paper has it.
"""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import register_parametrization

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import Knob
from landscape_core.models.normalizations.base import Normalization

NEAR = 0.95
"""The share of the bound within which all thresholds start, where the sine still has a slope."""


@dataclass(frozen=True, kw_only=True)
class UnitSphere(Normalization):
    """Each unit's weights on the unit sphere, its threshold bounded; scale is left to the end."""

    label: ClassVar[str] = "unit sphere"

    bound: Annotated[
        float, Knob(0.01, 1000.0, "X_B of thresholds, the length of the longest input", "log")
    ] = 3.0

    def layer(self, channels: int, spatial: int) -> nn.Module:
        del channels, spatial
        return nn.Identity()

    def reparametrize(self, layer: nn.Module) -> None:
        """Let a layer hold free numbers for its units' directions and thresholds, in place.

        Raises:
            SpecError: the weights of a unit are all zero: it has no direction.
        """
        weight = layer.get_parameter("weight")
        lengths = torch.linalg.vector_norm(weight.detach().flatten(1), dim=1)
        if not bool((lengths > 0).all()):
            raise SpecError("the weights of a unit on the unit sphere", "zero", "not all zero")
        bias = dict(layer.named_parameters(recurse=False)).get("bias")
        if bias is not None:
            with torch.no_grad():
                turns = (bias / lengths) * (math.pi / 2 / self.bound)
                inside = turns.sin().arcsin() * (2 / math.pi)
                bias.copy_(self.bound * inside.clamp(-NEAR, NEAR))
            register_parametrization(layer, "bias", Bounded(self.bound))
        register_parametrization(layer, "weight", Direction())


class Direction(nn.Module):
    """v / ‖v‖ for each filter."""

    def forward(self, free: Tensor) -> Tensor:
        """The weight in the shape of v, (out, in, ...)."""
        dims = tuple(range(1, free.ndim))
        return free / torch.linalg.vector_norm(free, dim=dims, keepdim=True)

    def right_inverse(self, weight: Tensor) -> Tensor:
        """The v that a weight starts with: itself."""
        return weight


class Bounded(nn.Module):
    """X_B sin(β / X_B) for each threshold."""

    def __init__(self, bound: float) -> None:
        """Thresholds between −X_B and X_B."""
        super().__init__()
        self.bound = bound

    def forward(self, free: Tensor) -> Tensor:
        """The thresholds, (out,)."""
        return self.bound * (free / self.bound).sin()

    def right_inverse(self, threshold: Tensor) -> Tensor:
        """The β of a threshold, between −π/2 and π/2 times X_B; NaN beyond the bound."""
        return self.bound * (threshold / self.bound).arcsin()

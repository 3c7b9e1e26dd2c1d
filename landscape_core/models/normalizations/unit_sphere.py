"""The reduced parameter space: Qin, Zhou and Xiu, 2018, arXiv:1805.08340, section 2.

A ReLU unit is positively homogeneous: its weights can be restricted to the unit sphere and its
scale moved to the next layer. On inputs of norm at most X_B a bias beyond ±X_B adds nothing that
biases inside could not represent; `models/reduced_network.py` constructs the equivalent network. So
a layer's units are

    w = v / ‖v‖,    b = X_B sin(β / X_B),

with unconstrained v and β, so that any optimizer stays in the space. The paper clamps, which gives
a zero gradient at the bound; the sine (James and Roos, 1975, Minuit) is smooth and has zero slope
only at ±X_B. Initially each unit with its bias is divided by ‖w‖. A bias beyond the bound, of a
unit that is linear on the whole domain, is reflected at the bound; initial biases stay within
`NEAR` times the bound.

X_B is the same for all layers; the paper's bounds grow from layer to layer. For a convolution the
inputs are patches. The last layer is unconstrained, as in the paper.
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
"""The fraction of the bound within which initial biases lie, where the sine has a slope."""


@dataclass(frozen=True, kw_only=True)
class UnitSphere(Normalization):
    """Unit-norm weights per unit and bounded biases; the scale is left to the last layer."""

    label: ClassVar[str] = "unit sphere"

    bound: Annotated[
        float, Knob(0.01, 1000.0, "bound X_B on the biases: the largest norm of an input", "log")
    ] = 3.0

    def layer(self, channels: int, spatial: int) -> nn.Module:
        del channels, spatial
        return nn.Identity()

    def reparametrize(self, layer: nn.Module) -> None:
        """Reparametrize the directions and biases of a layer's units in place.

        Raises:
            SpecError: the weights of a unit are all zero, so that it has no direction.
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
    """Normalize each filter: v / ‖v‖."""

    def forward(self, free: Tensor) -> Tensor:
        """Return the weight, in the shape of v, (out, in, ...)."""
        dims = tuple(range(1, free.ndim))
        return free / torch.linalg.vector_norm(free, dim=dims, keepdim=True)

    def right_inverse(self, weight: Tensor) -> Tensor:
        """Return the initial v of a weight: the weight itself."""
        return weight


class Bounded(nn.Module):
    """Bound each bias: X_B sin(β / X_B)."""

    def __init__(self, bound: float) -> None:
        """Restrict biases to [−X_B, X_B]."""
        super().__init__()
        self.bound = bound

    def forward(self, free: Tensor) -> Tensor:
        """Return the biases, (out,)."""
        return self.bound * (free / self.bound).sin()

    def right_inverse(self, threshold: Tensor) -> Tensor:
        """Return the β of a bias, between −π/2 and π/2 times X_B; NaN beyond the bound."""
        return self.bound * (threshold / self.bound).arcsin()

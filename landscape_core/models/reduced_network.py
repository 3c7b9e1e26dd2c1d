"""Two-layer ReLU networks in reduced form: Qin, Zhou and Xiu, 2018, arXiv:1805.08340, section 2.

On inputs no longer than a radius X_B every network Σⱼ cⱼ ReLU(⟨wⱼ, x⟩ + bⱼ) + c₀ equals one of
which all weights wⱼ have length 1 and all thresholds lie in [−X_B, X_B].
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from landscape_core.foundation.errors import SpecError


@dataclass(frozen=True, eq=False)
class TwoLayers:
    """x ↦ c ReLU(W x + b) + c₀, with W (m, d), b (m,), c (C, m) and c₀ (C,)."""

    weights: Float[Tensor, "m d"]
    thresholds: Float[Tensor, " m"]
    outer: Float[Tensor, "C m"]
    constant: Float[Tensor, " C"]

    def __call__(self, inputs: Float[Tensor, "n d"]) -> Float[Tensor, "n C"]:
        """The outputs, (n, C)."""
        units = (inputs @ self.weights.mT + self.thresholds).relu()
        return units @ self.outer.mT + self.constant


def reduced(network: TwoLayers, radius: float) -> TwoLayers:
    """The same function on inputs no longer than a radius: unit weights, bounded thresholds.

    Each unit is divided by its length, which its outer weight takes up. One that is at zero all
    over the domain is left out. One that is above zero all over it is affine there, and becomes two
    opposite units with threshold 0, as z = ReLU(z) − ReLU(−z), and a constant; one without weights
    is a constant alone.

    Raises:
        SpecError: a radius that is not positive and finite.
    """
    if not 0 < radius < math.inf:
        raise SpecError("radius", radius, "positive and finite")
    lengths = torch.linalg.vector_norm(network.weights, dim=1)
    level = lengths == 0
    constant = network.constant + network.outer[:, level] @ network.thresholds[level].relu()
    lengths = lengths[~level]
    weights = network.weights[~level] / lengths[:, None]
    thresholds = network.thresholds[~level] / lengths
    outer = network.outer[:, ~level] * lengths
    above, bent = thresholds > radius, thresholds.abs() <= radius
    constant = constant + outer[:, above] @ thresholds[above]
    return TwoLayers(
        torch.cat([weights[bent], weights[above], -weights[above]]),
        torch.cat([thresholds[bent], torch.zeros(2 * int(above.sum())).to(thresholds)]),
        torch.cat([outer[:, bent], outer[:, above], -outer[:, above]], dim=1),
        constant,
    )

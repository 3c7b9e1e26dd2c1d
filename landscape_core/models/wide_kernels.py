"""Kernels of infinitely wide ReLU networks in NTK parametrization, as `ntk_mlp` of the catalogue.

Layers are h ↦ σ/√n · W h + β b with standard normal W and b. The covariance of the outputs over
initializations (Neal, 1996; Lee et al., 2018, arXiv:1711.00165) follows

    Σ¹(x, x') = σ²⟨x, x'⟩/d + β²,   Σˡ⁺¹ = σ²/2 · s κ₁(ρ) + β²,   s = √(Σˡ(x, x) Σˡ(x', x')),

with ρ = Σˡ/s, and the tangent kernel (Jacot, Gabriel, Hongler, 2018, arXiv:1806.07572, theorem 1)

    Θ¹ = Σ¹,   Θˡ⁺¹ = Σˡ⁺¹ + σ²/2 · κ₀(ρ) Θˡ.

κ₀ and κ₁ are the arc-cosine kernels of order 0 and 1 between vectors of length 1: Cho and Saul,
2009, Kernel Methods for Deep Learning, equations 4 to 6.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from landscape_core.foundation.errors import SpecError


@dataclass(frozen=True, eq=False)
class WideKernels:
    """Covariance Σ and tangent kernel Θ of an output, for each pair of inputs (n, m)."""

    covariance: Float[Tensor, "n m"]
    tangent: Float[Tensor, "n m"]


def kappa0(cosine: Tensor) -> Tensor:
    """κ₀ = (π − θ)/π of the cosine of an angle θ: twice the chance that both units are active."""
    return (math.pi - cosine.clamp(-1, 1).acos()) / math.pi


def kappa1(cosine: Tensor) -> Tensor:
    """κ₁ = (sin θ + (π − θ) cos θ)/π of the cosine of an angle θ: 2 E[ReLU(u) ReLU(v)]."""
    bounded = cosine.clamp(-1, 1)
    return (1 - bounded.square()).sqrt() / math.pi + bounded * kappa0(bounded)


def wide_kernels(
    inputs: Float[Tensor, "n d"],
    others: Float[Tensor, "m d"] | None = None,
    *,
    depth: int,
    sigma: float,
    beta: float,
) -> WideKernels:
    """The kernels of a network with `depth` hidden ReLU layers of infinite width.

    Args:
        inputs: one side of the pairs.
        others: the other side; None: the same.
        depth: number of hidden layers; 0: a linear model.
        sigma: the weight scale σ.
        beta: the bias scale β.

    Raises:
        SpecError: a negative depth.
    """
    if depth < 0:
        raise SpecError("depth", depth, "at least 0")
    others = inputs if others is None else others
    size = inputs.shape[1]

    def affine(products: Tensor) -> Tensor:
        return sigma**2 * products / size + beta**2

    own = affine(inputs.square().sum(1)), affine(others.square().sum(1))
    covariance = tangent = affine(inputs @ others.T)
    for _ in range(depth):
        scale = (own[0][:, None] * own[1]).sqrt()
        cosine = covariance / scale.clamp(min=torch.finfo(scale.dtype).tiny)
        covariance = sigma**2 / 2 * scale * kappa1(cosine) + beta**2
        tangent = covariance + sigma**2 / 2 * kappa0(cosine) * tangent
        own = sigma**2 / 2 * own[0] + beta**2, sigma**2 / 2 * own[1] + beta**2
    return WideKernels(covariance, tangent)

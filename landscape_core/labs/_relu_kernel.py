"""Means of products of ReLUs over Gaussian inputs: Cho, Saul, 2009, NIPS, equation 6.

With θ the angle between u and v and x ∼ N(0, I),
E ReLU(⟨u, x⟩) ReLU(⟨v, x⟩) = ‖u‖‖v‖(sin θ + (π − θ) cos θ)/2π.
"""

import math

from torch import Tensor


def angles(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Products of lengths, cosines and angles of all pairs of rows: (..., N, M) each."""
    lengths = first.norm(dim=-1)[..., None] * second.norm(dim=-1)[..., None, :]
    cosine = (first @ second.mT / lengths).clamp(-1, 1)
    return lengths, cosine, cosine.arccos()


def relu_kernel(first: Tensor, second: Tensor) -> Tensor:
    """E ReLU(⟨u, x⟩) ReLU(⟨v, x⟩) for all rows u and v: (..., N, M)."""
    lengths, cosine, angle = angles(first, second)
    sine = (1 - cosine.square()).sqrt()
    return lengths * (sine + (math.pi - angle) * cosine) / (2 * math.pi)

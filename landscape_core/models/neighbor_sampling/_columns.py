"""Sampling of columns in proportion to their squared norms."""

import torch
from jaxtyping import Float
from torch import Tensor

from landscape_core.models.neighbor_sampling.base import Matrix


def squares(rows: Matrix) -> Float[Tensor, " N"]:
    """The squared column norms ‖Â_:j‖² over the given rows, (N,)."""
    return rows.square().sum(dim=0)


def factors(sizes: Float[Tensor, " N"], draws: int, rng: torch.Generator) -> Float[Tensor, " N"]:
    """Weights kⱼ / (s pⱼ) for s samples with replacement, pⱼ ∝ `sizes`, kⱼ the count of j.

    Their mean is 1 where the size is not zero; float64 on the CPU.
    """
    chances = sizes.detach().cpu().double()
    chances = chances / chances.sum()
    drawn = torch.multinomial(chances, draws, replacement=True, generator=rng)
    counts = torch.bincount(drawn, minlength=len(chances))
    return torch.where(counts > 0, counts / (draws * chances), 0.0)

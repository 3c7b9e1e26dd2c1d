"""Uniform sampling of entries of each row."""

import torch

from landscape_core.models.neighbor_sampling.base import Asked, Matrix


def drawn_evenly(asked: Asked, count: int) -> Matrix:
    """Sample `count` entries of each row of Â uniformly, rescaled to be unbiased, (n, N)."""
    rows = asked.rows
    present = rows != 0
    keys = torch.rand(rows.shape, generator=asked.rng()).to(rows.device)
    picked = keys.masked_fill(~present, -1.0).topk(min(count, rows.shape[1]), dim=1).indices
    degrees = present.sum(dim=1, keepdim=True)
    share = degrees.clamp(max=count) / degrees.clamp(min=1)
    kept = torch.zeros_like(present).scatter(1, picked, value=True)  # zeros of Â stay zeros
    return torch.where(kept, rows / share, 0.0)

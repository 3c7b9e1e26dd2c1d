"""The expected increase of the loss under random perturbations."""

import math

import torch

from landscape_core.curvature.sharpness.base import Reading
from landscape_core.foundation import random_streams
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective


def drawn(
    objective: Objective, theta: Vector, scale: Vector, samples: int, seed: int
) -> Reading:  # fmt: skip
    """E L(theta + scale z) - L(theta) over normal z, and its standard error."""
    rng = random_streams.stream(seed, "sharpness")
    theta = theta.detach()
    here = float(objective.losses(theta[None])[0])
    rises = []
    for _ in range(samples):
        noise = torch.randn(len(theta), generator=rng, dtype=torch.float64).to(theta)
        rises.append(float(objective.losses((theta + scale * noise)[None])[0]) - here)
    values = torch.tensor(rises, dtype=torch.float64)
    error = float(values.std()) / math.sqrt(samples)
    return Reading(float(values.mean()), error, samples + 1)

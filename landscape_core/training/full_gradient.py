"""The gradient over all examples, and mini-batch gradients corrected by it, as in SVRG.

Batch normalization and dropout are in training mode: the full gradient is the mean over
mini-batches of the step's size, each with its own statistics, so that the mean of ∇f_B(w) is about
∇f(w). Only the evaluation at the current iterate updates the running statistics.
"""

import torch

from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective

AT_ONCE = 1000
"""Chunk size of the full gradient at a snapshot (the last chunk may be larger)."""


def full_gradient(objective: Objective, w: Vector) -> Vector:
    """The full gradient as a mean over mini-batches, shape (P,)."""
    whole, network = objective.whole, objective.network
    size = objective.examples if network is not None and network.normalizes else AT_ONCE
    count = max(1, whole.examples // size)
    total = torch.zeros_like(w)
    for first in range(count):
        part = whole.minibatch(torch.arange(first, whole.examples, count))
        total += part.examples / whole.examples * part.gradient(w)
    return total


def snapshot_gradient(objective: Objective, w: Vector) -> Vector | None:
    """The full gradient ∇f(w), shape (P,); None for all examples at once, where none is needed."""
    return None if objective.whole is objective else full_gradient(objective, w)


def reduced_gradient(objective: Objective, theta: Vector, w: Vector, full: Vector | None) -> Vector:
    """The gradient ∇f_B(θ) − ∇f_B(w) + ∇f(w), shape (P,); of all examples at once, ∇f(θ)."""
    g = objective.gradient(theta)
    return g if full is None else g + (full - objective.still.gradient(w))

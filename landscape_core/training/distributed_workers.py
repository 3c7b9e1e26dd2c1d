"""Distributed workers with fixed shards of the data, and the compressed gradients that they send.

Of M workers, worker m holds the examples m·N/M … (m+1)·N/M. Its contribution to the mean gradient,
(1/N) times the sum over its examples, is estimated by (1/B) times the sum over those of its
examples that are in a mini-batch of B. The estimate is unbiased under uniform sampling, and zero in
a step in which the worker has no example.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from landscape_core.foundation import random_streams
from landscape_core.foundation.recipes import Choice, Knob
from landscape_core.foundation.types import Vector, Vectors
from landscape_core.models.objective import Objective

WORKERS = Knob(1, 1000, "number of workers; each holds an equal shard of the training examples")
COMPRESSOR = Choice(
    ("random", "norm"),
    "compression operator: random sparsification (random-k), or signs scaled by the norm",
)
KEEP = Knob(
    0.0, 1.0, "fraction of coordinates sent per step (at least one); for random sparsification"
)
ANCHOR = Knob(
    0.0,
    1.0,
    "probability p of recomputing the full gradient at a step; 0: B/N, once per epoch on average",
)
SEED = Knob(0, 2**31 - 1, "random seed of the optimizer")


@dataclass(frozen=True)
class Compressor:
    """An unbiased compression operator Q with E‖Q(v) − v‖² ≤ ω‖v‖²; Q(cv) has the law of c Q(v).

    `random` keeps K of d coordinates, multiplied by d/K: ω = d/K − 1. `norm` sends ‖v‖ sign(vⱼ)
    with probability |vⱼ|/‖v‖, else 0: ω = √d − 1 (Alistarh, Grubic, Li, Tomioka and Vojnovic, 2017,
    QSGD, with one level).
    """

    kind: str
    keep: float

    def omega(self, size: int) -> float:
        """The variance factor ω for vectors of this size."""
        return (
            math.sqrt(size) - 1
            if self.kind == "norm"
            else size / kept_coordinates(self.keep, size) - 1
        )

    def sent(self, size: int) -> float:
        """The mean number of 32-bit floats that a worker sends per step; a sign takes log₂ 3 bits.

        Coordinate indices are not counted: both sides generate them from the same seed.
        """
        bits = 32  # of a number
        return (
            1 + size * math.log2(3) / bits
            if self.kind == "norm"
            else kept_coordinates(self.keep, size)
        )

    def __call__(self, rows: Vectors, rng: torch.Generator) -> Vectors:
        """Apply Q to each row independently, (M, P)."""
        drawn = torch.rand(rows.shape, generator=rng, dtype=rows.dtype).to(rows.device)
        if self.kind == "norm":
            norm = rows.norm(dim=1, keepdim=True)
            return norm * rows.sign() * (drawn * norm < rows.abs())
        size = rows.shape[1]
        count = kept_coordinates(self.keep, size)
        places = drawn.topk(count, dim=1).indices
        return torch.zeros_like(rows).scatter(1, places, rows.gather(1, places) * (size / count))


def kept_coordinates(share: float, size: int) -> int:
    """The number K of coordinates kept, at least one."""
    return max(1, round(share * size))


def worker_gradients(objective: Objective, theta: Vector, workers: int) -> Vectors:
    """Each worker's contribution to the mini-batch gradient at theta, (M, P), detached.

    M is `workers`, or the number of examples if there are fewer. The sum of the rows is the
    mini-batch gradient. Batch normalization uses the running statistics, because with batch
    statistics the gradient is not a sum over workers.
    """
    total = objective.whole.examples
    count = min(workers, total)
    starts = torch.arange(1, count) * total // count
    owner = torch.bucketize(objective.indices.cpu(), starts, right=True)
    found = theta.new_zeros((count, len(theta)))
    for worker in owner.unique().tolist():
        rows = (owner == worker).nonzero()[:, 0]
        gradient = _part(objective, rows.to(theta.device)).gradient(theta)
        found[worker] = len(rows) / objective.examples * gradient
    return found


def evaluate_batch(objective: Objective, theta: Vector) -> None:
    """Evaluate the whole mini-batch once, as a training step does.

    This records the loss before the step and updates the running statistics of batch normalization.
    """
    with torch.no_grad():
        objective.loss(theta)


def recomputes_anchor(probability: float, objective: Objective, seed: int, step: int) -> bool:
    """Whether a step recomputes the full gradient: with this probability, B/N if it is 0."""
    chance = probability or objective.examples / objective.whole.examples
    return float(torch.rand((), generator=random_streams.stream(seed, "anchor", step))) < chance


def _part(objective: Objective, rows: Tensor) -> Objective:
    """The objective on some examples of a mini-batch, with the running statistics of batch norm."""
    network = objective.network
    if network is None:
        return objective.minibatch(rows)
    return network.alone().reordered(rows)

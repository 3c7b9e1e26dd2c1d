"""Workers that own fixed parts of the data, and what they send: quantized and compressed vectors.

M workers own the examples m·N/M … (m+1)·N/M of the whole, in their order. Worker m estimates its
share of the mean gradient, (1/N) times the sum over its examples, by (1/B) times the sum over those
of its examples that are in a mini-batch of B. If all examples are drawn alike the mean of that
estimate is the share, and it is zero in a step in which the worker has no example.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from landscape_core.foundation import random_streams
from landscape_core.foundation.recipes import Choice, Knob
from landscape_core.foundation.types import Vector, Vectors
from landscape_core.models.objective import Objective

WORKERS = Knob(1, 1000, "workers that own equal parts of the examples; not more than examples")
COMPRESSOR = Choice(
    ("random", "norm"), "what is sent: some random coordinates, or signs and one length"
)
KEEP = Knob(0.0, 1.0, "share of the coordinates that are sent, one at least; for random ones")
ANCHOR = Knob(
    0.0, 1.0, "chance p that a step renews the full gradient; 0: once in as many as see all data"
)
SEED = Knob(0, 2**31 - 1, "draws what is random in the optimizer")


@dataclass(frozen=True)
class Compressor:
    """An unbiased random Q with E‖Q(v) − v‖² ≤ ω‖v‖²; Q(cv) is as c Q(v).

    `random` keeps K of d coordinates and multiplies them by d/K: ω = d/K − 1. `norm` sends
    ‖v‖ sign(vⱼ) with probability |vⱼ|/‖v‖, else 0: ω = √d − 1 (Alistarh, Grubic, Li, Tomioka and
    Vojnovic, 2017, QSGD, with one level).
    """

    kind: str
    keep: float

    def omega(self, size: int) -> float:
        """ω for vectors of so many numbers."""
        return math.sqrt(size) - 1 if self.kind == "norm" else size / kept(self.keep, size) - 1

    def sent(self, size: int) -> float:
        """How many numbers a worker sends in a step, on average; a sign or zero is log₂ 3 bits.

        Which coordinates are drawn both sides know, as they draw from the same seed.
        """
        bits = 32  # of a number
        return 1 + size * math.log2(3) / bits if self.kind == "norm" else kept(self.keep, size)

    def __call__(self, rows: Vectors, rng: torch.Generator) -> Vectors:
        """Q of each row by itself, (M, P)."""
        drawn = torch.rand(rows.shape, generator=rng, dtype=rows.dtype).to(rows.device)
        if self.kind == "norm":
            norm = rows.norm(dim=1, keepdim=True)
            return norm * rows.sign() * (drawn * norm < rows.abs())
        size = rows.shape[1]
        count = kept(self.keep, size)
        places = drawn.topk(count, dim=1).indices
        return torch.zeros_like(rows).scatter(1, places, rows.gather(1, places) * (size / count))


def kept(share: float, size: int) -> int:
    """K, of so many coordinates the share, one at least."""
    return max(1, round(share * size))


def shares(objective: Objective, theta: Vector, workers: int) -> Vectors:
    """Each worker's estimate of its share of the mean gradient at theta, (M, P), detached.

    M is `workers`, or the number of examples where there are fewer. The sum of the rows is the
    gradient of the mini-batch; networks with batch normalization use their stored statistics, as
    in a batch that shares its statistics no worker has a gradient of its own.
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


def noted(objective: Objective, theta: Vector) -> None:
    """Evaluate a mini-batch as a training step does, of which only parts are used otherwise.

    So the run knows its loss before the step, and batch normalization its statistics.
    """
    with torch.no_grad():
        objective.loss(theta)


def anchored(probability: float, objective: Objective, seed: int, step: int) -> bool:
    """Whether a step renews the full gradient: with that probability, or, of 0, with B/N."""
    chance = probability or objective.examples / objective.whole.examples
    return float(torch.rand((), generator=random_streams.stream(seed, "anchor", step))) < chance


def _part(objective: Objective, rows: Tensor) -> Objective:
    """The objective of some examples of a mini-batch, with statistics as stored."""
    network = objective.network
    if network is None:
        return objective.minibatch(rows)
    return network.alone().reordered(rows)

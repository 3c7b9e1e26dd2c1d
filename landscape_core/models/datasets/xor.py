"""Exclusive or with flipped labels, after Frei, Chatterji and Bartlett, 2023, arXiv:2202.07626."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from landscape_core.foundation import random_streams
from landscape_core.foundation.recipes import Knob
from landscape_core.models.datasets.base import ProblemData, Split, shared_out


@dataclass(frozen=True, kw_only=True)
class Xor(ProblemData):
    """XOR: four clusters, opposite ones in the same class, with label noise in training."""

    label: ClassVar[str] = "XOR with label noise"

    points: Annotated[int, Knob(20, 20_000, "number of training examples", scale="log")] = 300
    noise: Annotated[float, Knob(0.0, 2.0, "standard deviation of the clusters")] = 0.35
    flipped: Annotated[
        float, Knob(0.0, 0.5, "fraction of training labels flipped (label noise)")
    ] = 0.1

    def build(self, seed: int) -> Split:
        rng = random_streams.numpy_stream(seed, "data")
        total = 2 * self.points
        corner = rng.integers(0, 2, (total, 2))
        inputs = 2.0 * corner - 1.0 + self.noise * rng.standard_normal((total, 2))
        clean = shared_out(inputs, corner[:, 0] ^ corner[:, 1], self.points, 2, rng)
        wrong = random_streams.numpy_stream(seed, "flips").random(self.points) < self.flipped
        clean.train.targets[wrong] = 1 - clean.train.targets[wrong]
        return clean

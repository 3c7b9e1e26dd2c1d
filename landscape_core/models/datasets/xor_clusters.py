"""XOR of Gaussian clusters in many dimensions: Frei, Chatterji, Bartlett, 2023, arXiv:2202.07626.

Inputs are ±m1 + s z of class 1 and ±m2 + s z of class 0 with orthogonal unit vectors m1 and m2,
here the first two axes, and z standard normal in d dimensions; no linear classifier does better
than chance. The noise is specified by its typical norm s √d, which is comparable with the centres,
of norm 1, in any dimension.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from landscape_core.foundation import random_streams
from landscape_core.foundation.recipes import Knob
from landscape_core.models.datasets.base import ProblemData, Split, shared_out


@dataclass(frozen=True, kw_only=True)
class XorClusters(ProblemData):
    """XOR of four clusters in many dimensions, with label noise in training."""

    label: ClassVar[str] = "XOR of clusters in d dimensions"

    points: Annotated[int, Knob(20, 100_000, "number of training examples", scale="log")] = 1000
    dimension: Annotated[int, Knob(2, 1000, "input dimension", scale="log")] = 40
    noise: Annotated[
        float, Knob(0.0, 10.0, "typical norm s √d of the noise; the cluster centres have norm 1")
    ] = 0.5
    flipped: Annotated[
        float, Knob(0.0, 0.5, "fraction of training labels flipped (label noise)")
    ] = 0.15

    def build(self, seed: int) -> Split:
        rng = random_streams.numpy_stream(seed, "data")
        total = 2 * self.points
        axis, sign = rng.integers(0, 2, total), rng.choice([-1.0, 1.0], total)
        inputs = self.noise / np.sqrt(self.dimension) * rng.standard_normal((total, self.dimension))
        inputs[np.arange(total), axis] += sign
        clean = shared_out(inputs, 1 - axis, self.points, 2, rng)
        wrong = random_streams.numpy_stream(seed, "flips").random(self.points) < self.flipped
        clean.train.targets[wrong] = 1 - clean.train.targets[wrong]
        return clean

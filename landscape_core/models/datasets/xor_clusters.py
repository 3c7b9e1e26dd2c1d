"""XOR of Gaussian clusters in many dimensions: Frei, Chatterji, Bartlett, 2023, arXiv:2202.07626.

Inputs are ±m1 + s z of class 1 and ±m2 + s z of class 0 with orthogonal unit vectors m1 and m2,
here the first two axes, and z standard normal in d dimensions; no linear classifier does better
than chance. The noise is given by its typical length s √d, so that it can be compared with the
centres, of length 1, whatever the dimension.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from landscape_core.foundation import random_streams
from landscape_core.foundation.recipes import Knob
from landscape_core.models.datasets.base import ProblemData, Split, shared_out


@dataclass(frozen=True, kw_only=True)
class XorClusters(ProblemData):
    """Four clusters in many dimensions, opposite ones of one class; some labels are wrong."""

    label: ClassVar[str] = "XOR of clusters in d dimensions"

    points: Annotated[int, Knob(20, 100_000, "training points", scale="log")] = 1000
    dimension: Annotated[int, Knob(2, 1000, "length of an input", scale="log")] = 40
    noise: Annotated[float, Knob(0.0, 10.0, "typical length of the noise; centres have 1")] = 0.5
    flipped: Annotated[float, Knob(0.0, 0.5, "share of training labels that are wrong")] = 0.15

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

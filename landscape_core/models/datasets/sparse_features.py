"""Sparse features, rare ones informative: Duchi, Hazan, Singer, 2011, JMLR 12, section 1.3.

Their example for AdaGrad: feature i is nonzero, +1 or −1, with probability min(1, c i^(−α)). The
paper leaves the labels to an adversary; here they are the sign of ⟨w, x⟩ with wᵢ = ±1/√pᵢ, so that
each feature has an equal part in the variance of ⟨w, x⟩ and a rare one decides where it occurs.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt

from landscape_core.foundation import random_streams
from landscape_core.foundation.recipes import Knob
from landscape_core.models.datasets.base import ProblemData, Split, shared_out


@dataclass(frozen=True, kw_only=True)
class SparseFeatures(ProblemData):
    """Classification of sparse inputs: the rarer a feature, the more it tells."""

    label: ClassVar[str] = "sparse features"

    points: Annotated[int, Knob(20, 100_000, "number of training examples", scale="log")] = 1000
    dimension: Annotated[int, Knob(2, 1000, "number of features", scale="log")] = 100
    exponent: Annotated[
        float, Knob(0.0, 3.0, "exponent α: feature i is nonzero with probability min(1, c i^(−α))")
    ] = 1.2
    frequency: Annotated[
        float, Knob(0.01, 1.0, "probability c that the most frequent feature is nonzero", "log")
    ] = 1.0
    flipped: Annotated[
        float, Knob(0.0, 0.5, "fraction of training labels flipped (label noise)")
    ] = 0.0

    def build(self, seed: int) -> Split:
        rng = random_streams.numpy_stream(seed, "data")
        total, probabilities = 2 * self.points, self.probabilities()
        present = rng.random((total, self.dimension)) < probabilities
        inputs = present * rng.choice([-1.0, 1.0], present.shape)
        signs = random_streams.numpy_stream(seed, "teacher").choice([-1.0, 1.0], self.dimension)
        scores = inputs @ (signs / np.sqrt(probabilities))
        # Where no feature is present, or they cancel, a coin decides.
        above = np.where(scores == 0, rng.random(total) < 0.5, scores > 0)
        clean = shared_out(inputs, above.astype(int), self.points, 2, rng)
        wrong = random_streams.numpy_stream(seed, "flips").random(self.points) < self.flipped
        clean.train.targets[wrong] = 1 - clean.train.targets[wrong]
        return clean

    def probabilities(self) -> npt.NDArray[np.float64]:
        """The probability of each feature to be nonzero, (dimension,)."""
        places = np.arange(1, self.dimension + 1, dtype=float)
        return np.minimum(1.0, self.frequency * places**-self.exponent)

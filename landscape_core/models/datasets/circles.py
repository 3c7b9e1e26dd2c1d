"""Two concentric circles, from scikit-learn."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from landscape_core.foundation import random_streams
from landscape_core.foundation.recipes import Knob
from landscape_core.models.datasets.base import ProblemData, Split, shared_out


@dataclass(frozen=True, kw_only=True)
class Circles(ProblemData):
    """Two concentric circles: the decision boundary is a closed curve."""

    label: ClassVar[str] = "circles"

    points: Annotated[int, Knob(20, 20_000, "number of training examples", scale="log")] = 300
    noise: Annotated[float, Knob(0.0, 1.0, "standard deviation of the noise on the inputs")] = 0.08
    factor: Annotated[float, Knob(0.1, 0.9, "ratio of the inner to the outer radius")] = 0.5

    def build(self, seed: int) -> Split:
        from sklearn.datasets import make_circles  # takes a while to import

        rng = random_streams.numpy_stream(seed, "data")
        state = np.random.RandomState(rng.integers(2**31))
        inputs, ring = make_circles(
            2 * self.points, noise=self.noise, factor=self.factor, random_state=state
        )
        return shared_out(2.0 * inputs, ring, self.points, 2, rng)

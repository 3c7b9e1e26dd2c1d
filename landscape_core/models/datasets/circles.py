"""A circle inside a circle, by scikit-learn."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from landscape_core.foundation import random_streams
from landscape_core.foundation.recipes import Knob
from landscape_core.models.datasets.base import ProblemData, Split, shared_out


@dataclass(frozen=True, kw_only=True)
class Circles(ProblemData):
    """A small circle inside a large one: the boundary must close on itself."""

    label: ClassVar[str] = "circles"

    points: Annotated[int, Knob(20, 20_000, "training points", scale="log")] = 300
    noise: Annotated[float, Knob(0.0, 1.0, "scatter around the circles")] = 0.08
    factor: Annotated[float, Knob(0.1, 0.9, "radius of the inner circle, as a share")] = 0.5

    def build(self, seed: int) -> Split:
        from sklearn.datasets import make_circles  # takes a while to import

        rng = random_streams.numpy_stream(seed, "data")
        state = np.random.RandomState(rng.integers(2**31))
        inputs, ring = make_circles(
            2 * self.points, noise=self.noise, factor=self.factor, random_state=state
        )
        return shared_out(2.0 * inputs, ring, self.points, 2, rng)

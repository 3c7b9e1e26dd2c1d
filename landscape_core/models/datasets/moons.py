"""Two half circles, from scikit-learn."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from landscape_core.foundation import random_streams
from landscape_core.foundation.recipes import Knob
from landscape_core.models.datasets.base import ProblemData, Split, shared_out


@dataclass(frozen=True, kw_only=True)
class Moons(ProblemData):
    """Two interleaved half circles, which are not linearly separable."""

    label: ClassVar[str] = "moons"

    points: Annotated[int, Knob(20, 20_000, "number of training examples", scale="log")] = 300
    noise: Annotated[float, Knob(0.0, 1.0, "standard deviation of the noise on the inputs")] = 0.15

    def build(self, seed: int) -> Split:
        from sklearn.datasets import make_moons  # takes a while to import

        rng = random_streams.numpy_stream(seed, "data")
        state = np.random.RandomState(rng.integers(2**31))
        inputs, arc = make_moons(2 * self.points, noise=self.noise, random_state=state)
        return shared_out(2.0 * (inputs - [0.5, 0.25]), arc, self.points, 2, rng)

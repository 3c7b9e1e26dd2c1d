"""Points on a checkerboard."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from landscape_core import ProblemData
from landscape_core.foundation import random_streams
from landscape_core.foundation.recipes import Knob
from landscape_core.models.datasets.base import Split, shared_out


@dataclass(frozen=True, kw_only=True)
class Checkerboard(ProblemData):
    """Two classes, as the black and white squares of a checkerboard."""

    points: Annotated[int, Knob(20, 20_000, "training points", "log")] = 300
    squares: Annotated[int, Knob(2, 8, "squares along each side")] = 4

    def build(self, seed: int) -> Split:
        """As many test points as training points, in [-2, 2] x [-2, 2]."""
        rng = random_streams.numpy_stream(seed, "data")
        inputs = rng.uniform(-2.0, 2.0, (2 * self.points, 2))
        row, column = np.floor((inputs + 2.0) / 4.0 * self.squares).astype(int).T
        return shared_out(inputs, (row + column) % 2, self.points, 2, rng)

"""A smooth function of one variable, with noise."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from landscape_core.foundation import random_streams
from landscape_core.foundation.recipes import Knob
from landscape_core.models.datasets.base import ProblemData, Split, shared_out


@dataclass(frozen=True, kw_only=True)
class Regression1D(ProblemData):
    """One-dimensional regression: noisy samples of a sine with a linear trend."""

    label: ClassVar[str] = "1-D regression"

    points: Annotated[int, Knob(8, 20_000, "number of training examples", scale="log")] = 100
    waves: Annotated[float, Knob(0.25, 6.0, "number of periods of the sine over the interval")] = (
        1.5
    )
    noise: Annotated[float, Knob(0.0, 1.0, "standard deviation of the label noise")] = 0.1

    def build(self, seed: int) -> Split:
        rng = random_streams.numpy_stream(seed, "data")
        x = rng.uniform(-1.0, 1.0, (2 * self.points, 1))
        clean = np.sin(np.pi * self.waves * x) + 0.3 * x
        targets = clean + self.noise * rng.standard_normal(x.shape)
        return shared_out(x, targets, self.points, None, rng)

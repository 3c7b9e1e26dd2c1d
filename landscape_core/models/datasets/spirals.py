"""Two interleaved spirals: Lang and Witbrock, 1988, Learning to Tell Two Spirals Apart."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from landscape_core.foundation import random_streams
from landscape_core.foundation.recipes import Knob
from landscape_core.models.datasets.base import ProblemData, Split, shared_out


@dataclass(frozen=True, kw_only=True)
class Spirals(ProblemData):
    """Two interleaved spirals, a strongly nonlinear classification problem."""

    label: ClassVar[str] = "two spirals"

    points: Annotated[int, Knob(20, 20_000, "number of training examples", scale="log")] = 300
    turns: Annotated[float, Knob(0.25, 4.0, "number of turns of each arm")] = 1.0
    noise: Annotated[float, Knob(0.0, 1.0, "standard deviation of the noise on the inputs")] = 0.05

    def build(self, seed: int) -> Split:
        rng = random_streams.numpy_stream(seed, "data")
        total = 2 * self.points
        arm = np.arange(total) % 2
        radius = np.sqrt(rng.uniform(0.02, 1.0, total))
        angle = 2 * np.pi * self.turns * radius + np.pi * arm
        inputs = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
        inputs = inputs + 0.5 * self.noise * rng.standard_normal(inputs.shape)
        return shared_out(2.0 * inputs, arm, self.points, 2, rng)

"""A constant as the target: Hutzenthaler, Jentzen, Pohl, Riekert, Scarpa, 2021, arXiv:2112.07369.

For a constant target, gradient descent with ReLU networks provably drives the risk to zero if the
step sizes are small and their sum diverges.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from landscape_core.foundation import random_streams
from landscape_core.foundation.recipes import Knob
from landscape_core.models.datasets.base import ProblemData, Split, shared_out


@dataclass(frozen=True, kw_only=True)
class ConstantTarget(ProblemData):
    """Inputs uniform on the unit cube, with a constant target."""

    label: ClassVar[str] = "constant target"

    points: Annotated[int, Knob(8, 100_000, "number of training examples", scale="log")] = 500
    dimension: Annotated[int, Knob(1, 1000, "input dimension", scale="log")] = 3
    target: Annotated[float, Knob(-100.0, 100.0, "constant target ξ")] = 1.0

    def build(self, seed: int) -> Split:
        rng = random_streams.numpy_stream(seed, "data")
        inputs = rng.uniform(0.0, 1.0, (2 * self.points, self.dimension))
        return shared_out(inputs, np.full(len(inputs), self.target), self.points, None, rng)

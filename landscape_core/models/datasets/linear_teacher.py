"""A linear map of low rank for deep linear networks: Saxe, McClelland, Ganguli, 2014, 1312.6120.

The setting in which the rank of the product of the weights is studied (Sankar, Srinivasan,
Balasubramanian, 2018, arXiv:1807.08140): y = M x + noise, x standard normal, with the singular
values of M spaced evenly from 2 down to 1, and zero beyond its rank.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import Knob
from landscape_core.models.datasets.base import ProblemData, Split, shared_out


@dataclass(frozen=True, kw_only=True)
class LinearTeacher(ProblemData):
    """Regression: a low-rank linear map of Gaussian inputs, with noise."""

    label: ClassVar[str] = "low-rank linear teacher"

    points: Annotated[int, Knob(20, 100_000, "number of training examples", scale="log")] = 200
    dimension: Annotated[int, Knob(1, 1000, "input dimension", scale="log")] = 10
    targets: Annotated[int, Knob(1, 1000, "target dimension", scale="log")] = 10
    rank: Annotated[int, Knob(1, 1000, "rank of the linear map", scale="log")] = 3
    noise: Annotated[float, Knob(0.0, 10.0, "standard deviation of the label noise")] = 0.1

    def check(self) -> None:
        """Raise `SpecError` if the rank exceeds one of the dimensions."""
        most = min(self.dimension, self.targets)
        if self.rank > most:
            accepted = f"at most {most}, the smaller of the input and target dimensions"
            raise SpecError("LinearTeacher.rank", self.rank, accepted)

    def build(self, seed: int) -> Split:
        rng = random_streams.numpy_stream(seed, "data")
        teacher = random_streams.numpy_stream(seed, "teacher")
        left, _ = np.linalg.qr(teacher.standard_normal((self.targets, self.rank)))
        right, _ = np.linalg.qr(teacher.standard_normal((self.dimension, self.rank)))
        inputs = rng.standard_normal((2 * self.points, self.dimension))
        clean = (inputs @ right * np.linspace(2.0, 1.0, self.rank)) @ left.T
        targets = clean + self.noise * rng.standard_normal(clean.shape)
        return shared_out(inputs, targets, self.points, None, rng)

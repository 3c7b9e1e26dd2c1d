"""Gaussian inputs and a two-layer ReLU teacher near the identity: Li, Yuan, 2017, arXiv:1705.09886.

The teacher is f(x) = Σᵢ ReLU(⟨eᵢ + wᵢ, x⟩), i = 1 ... d, with eᵢ the unit vectors and wᵢ the
columns of a Gaussian matrix of a given spectral norm: as many hidden units as inputs, each near one
of them.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from landscape_core.foundation import random_streams
from landscape_core.foundation.recipes import Knob
from landscape_core.models.datasets.base import ProblemData, Split, shared_out


@dataclass(frozen=True, kw_only=True)
class GaussianTeacher(ProblemData):
    """Regression: the targets are a two-layer ReLU network with weights near the identity."""

    label: ClassVar[str] = "teacher near the identity"

    points: Annotated[int, Knob(20, 100_000, "number of training examples", scale="log")] = 1000
    dimension: Annotated[
        int, Knob(1, 1000, "number of inputs and of teacher units", scale="log")
    ] = 30
    norm: Annotated[
        float, Knob(0.0, 10.0, "spectral norm of the teacher's weights minus the identity")
    ] = 0.5

    def build(self, seed: int) -> Split:
        rng = random_streams.numpy_stream(seed, "data")
        teacher = random_streams.numpy_stream(seed, "teacher")
        w = teacher.standard_normal((self.dimension, self.dimension))
        units = np.eye(self.dimension) + self.norm * w / np.linalg.norm(w, ord=2)
        inputs = rng.standard_normal((2 * self.points, self.dimension))
        targets = np.maximum(inputs @ units, 0.0).sum(axis=1)
        return shared_out(inputs, targets, self.points, None, rng)

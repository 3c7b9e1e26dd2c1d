"""Gaussian inputs labelled by a random network: the teacher-student setting of Gardner, 1989."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from landscape_core.foundation import random_streams
from landscape_core.foundation.recipes import Knob
from landscape_core.models.datasets.base import ProblemData, Split, shared_out


@dataclass(frozen=True, kw_only=True)
class TeacherStudent(ProblemData):
    """Regression: the targets are the outputs of a random two-layer ReLU network, the teacher."""

    label: ClassVar[str] = "teacher and student"

    points: Annotated[int, Knob(20, 100_000, "number of training examples", scale="log")] = 500
    dimension: Annotated[int, Knob(1, 1000, "input dimension", scale="log")] = 10
    units: Annotated[int, Knob(1, 1000, "number of hidden units of the teacher", scale="log")] = 4
    noise: Annotated[float, Knob(0.0, 1.0, "standard deviation of the label noise")] = 0.0

    def build(self, seed: int) -> Split:
        rng = random_streams.numpy_stream(seed, "data")
        teacher = random_streams.numpy_stream(seed, "teacher")
        first = teacher.standard_normal((self.dimension, self.units)) / np.sqrt(self.dimension)
        second = teacher.choice([-1.0, 1.0], self.units)
        inputs = rng.standard_normal((2 * self.points, self.dimension))
        targets = np.maximum(inputs @ first, 0.0) @ second
        targets = targets + self.noise * rng.standard_normal(len(targets))
        return shared_out(inputs, targets, self.points, None, rng)

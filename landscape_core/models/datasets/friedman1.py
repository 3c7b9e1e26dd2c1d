"""Friedman's first regression problem, by scikit-learn: Friedman, 1991, Ann. Statist. 19(1), 1-67.

y = 10 sin(π x₁ x₂) + 20 (x₃ − ½)² + 10 x₄ + 5 x₅ + noise with x uniform in [0, 1]; further inputs
are irrelevant. Here inputs are mapped to [-1, 1], and targets are standardized with the mean and
standard deviation of the training set.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from landscape_core.foundation import random_streams
from landscape_core.foundation.recipes import Knob
from landscape_core.models.datasets.base import ProblemData, Split, shared_out


@dataclass(frozen=True, kw_only=True)
class Friedman1(ProblemData):
    """Regression: a smooth function of five inputs with noise; further inputs are irrelevant."""

    label: ClassVar[str] = "Friedman 1"

    points: Annotated[int, Knob(20, 100_000, "number of training examples", scale="log")] = 1000
    dimension: Annotated[
        int, Knob(5, 1000, "number of inputs, of which five are relevant", scale="log")
    ] = 10
    noise: Annotated[
        float, Knob(0.0, 10.0, "standard deviation of the label noise; that of the function is 5")
    ] = 0.5

    def build(self, seed: int) -> Split:
        from sklearn.datasets import make_friedman1  # takes a while to import

        rng = random_streams.numpy_stream(seed, "data")
        state = np.random.RandomState(rng.integers(2**31))
        inputs, targets = make_friedman1(
            2 * self.points, self.dimension, noise=self.noise, random_state=state
        )
        split = shared_out(2.0 * inputs - 1.0, targets, self.points, None, rng)
        mean, deviation = split.train.targets.mean(), split.train.targets.std(correction=0)
        for part in (split.train, split.test):
            part.targets.sub_(mean).div_(deviation)
        return split

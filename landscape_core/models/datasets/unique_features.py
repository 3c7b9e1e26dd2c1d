"""Features of single examples: Wilson, Roelofs, Stern, Srebro, Recht, 2017, arXiv:1705.08292.

The construction of section 3.3 of The Marginal Value of Adaptive Gradient Methods in Machine
Learning: with y = ±1, the first input is y, the next two are 1 for every example, and five inputs
belong to each example alone, of which one is 1 if y = 1, and all five are if y = −1. Every class
can be fitted with the inputs that no other example shares; only the first one says anything of a
new example.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import torch

from landscape_core.foundation import random_streams
from landscape_core.foundation.recipes import Knob
from landscape_core.models.datasets.base import Data, DataSize, ProblemData, Split

SHARED, OWN = 3, 5
"""Inputs that all examples share, and inputs of each example alone."""


@dataclass(frozen=True, kw_only=True)
class UniqueFeatures(ProblemData):
    """Two classes that the first input tells, and up to five inputs of each example alone."""

    label: ClassVar[str] = "features of single examples"

    points: Annotated[int, Knob(20, 1000, "number of training examples", scale="log")] = 100
    majority: Annotated[float, Knob(0.5, 0.99, "probability of class 1")] = 0.65

    def build(self, seed: int) -> Split:
        rng = random_streams.numpy_stream(seed, "data")
        total = 2 * self.points
        signs = np.where(rng.random(total) < self.majority, 1.0, -1.0)
        inputs = np.zeros((total, SHARED + OWN * total))
        inputs[:, 0], inputs[:, 1:SHARED] = signs, 1.0
        own = inputs[:, SHARED:].reshape(total, total, OWN)
        rows = np.arange(total)
        own[rows, rows] = (np.arange(OWN) < 1) | (signs[:, None] < 0)
        x, y = torch.from_numpy(inputs), torch.from_numpy((signs > 0).astype(np.int64))
        train, test = slice(self.points), slice(self.points, None)
        return Split(Data(x[train], y[train]), Data(x[test], y[test]), 2)

    def estimated_size(self) -> DataSize:
        """By the number of inputs, which grows with that of the examples."""
        total = 2 * self.points
        wide = SHARED + OWN * total
        one = Data(torch.zeros(1, wide, dtype=torch.float64), torch.zeros(1).long())
        return DataSize(Split(one, one, 2), self.points, total * (wide + 1) * 8)

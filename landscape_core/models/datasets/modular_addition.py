"""Addition modulo p: Power, Burda, Edwards, Babuschkin, Misra, 2022, arXiv:2201.02177.

Grokking: Generalization Beyond Overfitting on Small Algorithmic Datasets. All p² pairs of numbers,
of which some are for training and the others for the test. The paper has p = 97 and learned
embeddings of the two numbers; here both are one-hot, so that the first layer of a network is their
embedding.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import Knob
from landscape_core.models.datasets.base import ProblemData, Split, shared_out


@dataclass(frozen=True, kw_only=True)
class ModularAddition(ProblemData):
    """The sum modulo p of two numbers, each a one-hot vector of length p."""

    label: ClassVar[str] = "modular addition"

    points: Annotated[
        int, Knob(10, 12_000, "number of training pairs; all others are test data", scale="log")
    ] = 480
    modulus: Annotated[int, Knob(5, 113, "modulus p: numbers are 0 to p − 1, classes as well")] = 31

    def check(self) -> None:
        """Refuse more training pairs than leave one for the test."""
        if self.points >= self.modulus**2:
            accepted = f"below the number of pairs, {self.modulus**2}"
            raise SpecError("ModularAddition.points", self.points, accepted)

    def build(self, seed: int) -> Split:
        rng = random_streams.numpy_stream(seed, "data")
        first, second = (side.ravel() for side in np.indices((self.modulus, self.modulus)))
        unit = np.eye(self.modulus)
        inputs = np.concatenate([unit[first], unit[second]], axis=1)
        sums = (first + second) % self.modulus
        return shared_out(inputs, sums, self.points, self.modulus, rng)

"""Sparse features with frequencies by Zipf's law, where adaptive steps pay off.

The setting that motivates AdaGrad (Duchi, Hazan, Singer, 2011, JMLR 12, section 1.3): an example is
a bag of words, most words are rare, and rare words tell as much as frequent ones. Words are drawn
with probabilities in proportion to 1 / rank^a (Zipf, 1935); an input is 1 where its word occurs.
The class is that of a linear teacher with standard normal weights, with its threshold at the mean.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import Knob
from landscape_core.models.datasets.base import ProblemData, Split, shared_out


@dataclass(frozen=True, kw_only=True)
class SparseFeatures(ProblemData):
    """Bags of words of two classes: few words are frequent, most are rare."""

    label: ClassVar[str] = "sparse features"

    points: Annotated[int, Knob(20, 100_000, "number of training examples", scale="log")] = 1000
    dimension: Annotated[int, Knob(2, 2000, "number of words (inputs)", scale="log")] = 500
    words: Annotated[int, Knob(1, 200, "words drawn for each example", scale="log")] = 20
    exponent: Annotated[
        float, Knob(0.0, 3.0, "exponent a of the frequencies 1 / rank^a; 0: all words alike")
    ] = 1.0

    def build(self, seed: int) -> Split:
        rng = random_streams.numpy_stream(seed, "data")
        teacher = random_streams.numpy_stream(seed, "teacher").standard_normal(self.dimension)
        shares = np.arange(1.0, self.dimension + 1) ** -self.exponent
        total = 2 * self.points
        drawn = rng.choice(self.dimension, (total, self.words), p=shares / shares.sum())
        inputs = np.zeros((total, self.dimension))
        inputs[np.arange(total)[:, None], drawn] = 1.0
        if (inputs == inputs[0]).all():
            accepted = "fewer or less frequent words: all examples have the same, and one class"
            raise SpecError("SparseFeatures.words", self.words, accepted)
        scores = inputs @ teacher
        return shared_out(inputs, scores > scores.mean(), self.points, 2, rng)

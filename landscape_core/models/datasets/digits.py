"""Handwritten digits of 8x8 pixels, bundled with scikit-learn: Alpaydin and Kaynak, 1998."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from landscape_core.foundation import random_streams
from landscape_core.foundation.recipes import Choice, Knob
from landscape_core.models.datasets.base import ProblemData, Split, shared_out

TOTAL = 1797
MEAN, DEVIATION = 0.3053, 0.3761
"""Mean and standard deviation of all pixels after division by 16."""


@dataclass(frozen=True, kw_only=True)
class Digits(ProblemData):
    """1,797 handwritten digits of 8 x 8 pixels in ten classes, as vectors or images."""

    label: ClassVar[str] = "digits"

    points: Annotated[
        int, Knob(100, 1700, "number of training images; the others are test data")
    ] = 1200
    shape: Annotated[
        str, Choice(("vectors", "images"), "vectors of length 64, or 1 x 8 x 8 images")
    ] = "vectors"

    def build(self, seed: int) -> Split:
        from sklearn.datasets import load_digits  # takes a while to import

        rng = random_streams.numpy_stream(seed, "data")
        inputs, digit = load_digits(return_X_y=True)
        scaled = (inputs / 16.0 - MEAN) / DEVIATION
        if self.shape == "images":
            scaled = scaled.reshape(-1, 1, 8, 8)
        return shared_out(scaled, digit, self.points, 10, rng)

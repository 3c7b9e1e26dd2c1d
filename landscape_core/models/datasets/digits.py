"""Handwritten digits of 8x8 pixels, bundled with scikit-learn: Alpaydin and Kaynak, 1998."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor

from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import Choice, Knob
from landscape_core.models.datasets.base import Data, ProblemData, Split, shared_out

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

    components: Annotated[
        int, Knob(0, 64, "number of principal components used as inputs; 0: the pixels")
    ] = 0

    def check(self) -> None:
        """Refuse principal components of images, which have no pixels next to each other."""
        if self.components and self.shape == "images":
            raise SpecError("Digits.components", self.components, "0 with the shape images")

    @property
    def image_shape(self) -> tuple[int, int] | None:
        """8 rows and columns, unless inputs are principal components."""
        return None if self.components else (8, 8)

    def build(self, seed: int) -> Split:
        from sklearn.datasets import load_digits  # takes a while to import

        rng = random_streams.numpy_stream(seed, "data")
        inputs, digit = load_digits(return_X_y=True)
        scaled = (inputs / 16.0 - MEAN) / DEVIATION
        if self.shape == "images":
            scaled = scaled.reshape(-1, 1, 8, 8)
        split = shared_out(scaled, digit, self.points, 10, rng)
        if not self.components:
            return split
        inputs, others = principal_components(
            split.train.inputs, split.test.inputs, self.components
        )
        train = Data(_single(inputs), split.train.targets)
        return Split(train, Data(_single(others), split.test.targets), split.classes)


def principal_components(inputs: Tensor, others: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Coordinates (N, count) along the first principal components of `inputs`, and of `others`.

    Centred, and divided by one standard deviation for all.
    """
    mean = inputs.mean(0)
    axes = torch.linalg.svd(inputs - mean, full_matrices=False).Vh[:count].T
    scale = ((inputs - mean) @ axes).std()
    return (inputs - mean) @ axes / scale, (others - mean) @ axes / scale


def _single(values: Tensor) -> Tensor:
    """The values in single precision, as float64: runs of either precision see the same numbers."""
    return values.float().double()

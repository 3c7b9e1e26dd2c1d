"""Random projections of parameter vectors: R theta of a Gaussian matrix R, made block by block.

Entries of R (K, P) are independent with mean 0 and variance 1/K, so that inner products are kept in
expectation, with the variance (|x|^2 |y|^2 + <x, y>^2) / K (Johnson and Lindenstrauss, 1984;
Vempala, The Random Projection Method, 2004).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from landscape_core.foundation.random_streams import numpy_stream

Numbers = npt.NDArray[np.float64]

ENTRIES = 2**20
"""Entries of R that are in memory at once."""

CHECKED = 8
"""Entries of R that a file states, so that a generator of other numbers is noticed."""


@dataclass(frozen=True)
class RandomProjection:
    """A Gaussian matrix R (K, P) that is known by its seed and never in memory as a whole.

    `components` is K. The columns of each `block` of so many parameters are drawn from a stream of
    their own, in single precision.
    """

    components: int
    seed: int = 0
    block: int = 0

    def __post_init__(self) -> None:
        """Choose the size of a block that keeps few entries in memory, unless it is given."""
        object.__setattr__(self, "block", self.block or max(1, ENTRIES // self.components))

    def of_vectors(self, vectors: Tensor) -> Numbers:
        """The projections (N, K) of vectors (N, P)."""
        size = vectors.shape[1]
        return self._projected(lambda start, stop: _exact(vectors[:, start:stop]), size)

    def of_tensors(self, tensors: Sequence[Tensor]) -> Numbers:
        """The projection (K,) of tensors laid end to end."""
        flat = [one.detach().reshape(-1) for one in tensors]
        ends = [0, *accumulate(len(one) for one in flat)]
        places = list(zip(flat, pairwise(ends), strict=True))

        def between(start: int, stop: int) -> Numbers:
            parts = [
                _exact(one[max(0, start - first) : stop - first])
                for one, (first, last) in places
                if first < stop and start < last
            ]
            return np.concatenate(parts)[None]

        projected: Numbers = self._projected(between, ends[-1])[0]
        return projected

    def checked(self) -> list[float]:
        """The first entries of R times the square root of K, by which it is known again."""
        needed = min(self.block, -(-CHECKED // self.components))
        return self._columns(0, needed).ravel()[:CHECKED].tolist()

    def _projected(self, read: Callable[[int, int], Numbers], size: int) -> Numbers:
        """The projections of vectors of which `read` gives the numbers from one place to another.

        They are added up block by block in float64.
        """
        total: Any = 0.0
        for number, start in enumerate(range(0, size, self.block)):
            numbers = read(start, min(start + self.block, size))
            total = total + numbers @ self._columns(number, numbers.shape[1])
        return np.asarray(total / np.sqrt(self.components), np.float64)

    def _columns(self, number: int, count: int) -> Numbers:
        """The first columns of a block of R as rows (count, K), of unit variance."""
        stream = numpy_stream(self.seed, "projection", number)
        drawn = stream.standard_normal((count, self.components), dtype=np.float32)
        return drawn.astype(np.float64)


def _exact(numbers: Tensor) -> Numbers:
    return numbers.detach().to("cpu").to(torch.float64).numpy()

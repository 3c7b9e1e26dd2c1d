"""Bilinear games, f(x, y) = xᵀBy + pᵀx − qᵀy: Korpelevich, 1976, The Extragradient Method.

Here simultaneous descent and ascent turn around the solution and move away from it, by a factor
√(1 + η²σ²) a step for a singular value σ of B; extragradient comes closer, by
√(1 − η²σ² + η⁴σ⁴). The samples' B share their singular vectors.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import Knob
from landscape_core.models.problems._games import Samples, normal, orthogonal, quadratic, uniform
from landscape_core.models.problems.base import Instance, Problem


@dataclass(frozen=True, kw_only=True)
class BilinearGame(Problem):
    """Two players whose choices only matter together: plain descent and ascent go in circles."""

    label: ClassVar[str] = "bilinear game"

    size: Annotated[int, Knob(1, 50, "numbers that each player chooses")] = 1
    samples: Annotated[int, Knob(1, 10_000, "bilinear functions in the mean", "log")] = 100
    low: Annotated[float, Knob(0.0, 100.0, "smallest singular value σ of a sample")] = 0.5
    high: Annotated[float, Knob(1e-3, 100.0, "largest singular value σ of a sample", "log")] = 1.5
    noise: Annotated[float, Knob(0.0, 100.0, "standard deviation of a sample's p and q")] = 0.3

    def check(self) -> None:
        if self.low > self.high:
            raise SpecError("BilinearGame.low", self.low, f"at most high, {self.high:g}")

    def build(self, seed: int, device: str = "cpu", dtype: torch.dtype = torch.float32) -> Instance:
        rng, n, k = random_streams.stream(seed, "data"), self.samples, self.size
        left, right = orthogonal(2, k, rng)
        B = left * uniform(self.low, self.high, (n, 1, k), rng) @ right.mT
        p, q = (self.noise * normal((n, 2 * k), rng)).chunk(2, dim=1)
        start = normal((2 * k,), random_streams.stream(seed, "init"))
        nothing = torch.zeros_like(B)
        train = quadratic(Samples(nothing, B, nothing, p, q), start, device, dtype)
        return Instance(train, None, train.start, None)

"""Bilinear games, f(x, y) = xᵀBy + pᵀx − qᵀy: Korpelevich, 1976, The Extragradient Method.

Simultaneous gradient descent-ascent spirals away from the solution, by a factor √(1 + η²σ²) per
step for a singular value σ of B; extragradient converges with the factor √(1 − η²σ² + η⁴σ⁴). The
samples' matrices B have the same singular vectors.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import Knob
from landscape_core.models.games import Samples, normal, orthogonal, quadratic, uniform
from landscape_core.models.problems.base import Instance, Problem


@dataclass(frozen=True, kw_only=True)
class BilinearGame(Problem):
    """Bilinear min-max game, on which simultaneous gradient descent-ascent cycles."""

    label: ClassVar[str] = "bilinear game"
    value: ClassVar[str] = "value of the game"

    size: Annotated[int, Knob(1, 50, "number of variables per player")] = 1
    samples: Annotated[
        int, Knob(1, 10_000, "number of samples: bilinear functions that are averaged", "log")
    ] = 100
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

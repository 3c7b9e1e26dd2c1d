"""Quadratic games of two players: Beznosikov, Gorbunov, Berard and Loizou, 2023, arXiv:2202.07262.

Stochastic Gradient Descent-Ascent: Unified Theory and New Efficient Methods.

Each of n samples has its own strongly monotone F(z) = Az + b, A = [[S, B], [−Bᵀ, T]], with
eigenvalues of S and T between μ and L; the solution of the mean is known in closed form. An ℓ1
penalty and box constraints are handled by optimizers with a proximal map.
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
class QuadraticGame(Problem):
    """Strongly convex-concave quadratic min-max game, averaged over random samples."""

    label: ClassVar[str] = "quadratic game"
    value: ClassVar[str] = "value of the game"

    size: Annotated[int, Knob(1, 50, "number of variables per player")] = 5
    samples: Annotated[
        int, Knob(1, 10_000, "number of samples: quadratic functions that are averaged", "log")
    ] = 100
    mu: Annotated[float, Knob(0.0, 100.0, "smallest eigenvalue μ of S and T")] = 0.1
    ell: Annotated[float, Knob(1e-3, 100.0, "largest eigenvalue L of S and T", "log")] = 5.0
    coupling: Annotated[
        float,
        Knob(
            0.0,
            100.0,
            "largest singular value of the coupling matrix B; 0: no interaction between the"
            " players",
        ),
    ] = 2.5
    noise: Annotated[float, Knob(0.0, 100.0, "standard deviation of a sample's b")] = 1.0
    heterogeneity: Annotated[
        float, Knob(0.0, 100.0, "standard deviation of the part of b shared within a group")
    ] = 0.0
    groups: Annotated[
        int,
        Knob(
            1, 1000, "number of groups of consecutive samples, as the shards of distributed workers"
        ),
    ] = 10
    l1: Annotated[float, Knob(0.0, 100.0, "coefficient of the penalty ‖z‖₁")] = 0.0
    box: Annotated[float, Knob(0.0, 100.0, "box constraint |zⱼ| ≤ box; 0: none")] = 0.0

    def check(self) -> None:
        if self.mu > self.ell:
            raise SpecError("QuadraticGame.mu", self.mu, f"at most ell, {self.ell:g}")

    def build(self, seed: int, device: str = "cpu", dtype: torch.dtype = torch.float32) -> Instance:
        rng, n, k = random_streams.stream(seed, "data"), self.samples, self.size
        S, T = (self._between(orthogonal(n, k, rng), rng) for _ in range(2))
        left, right = orthogonal(n, k, rng), orthogonal(n, k, rng)
        B = left * uniform(0.0, self.coupling, (n, 1, k), rng) @ right.mT
        b = self.noise * normal((n, 2 * k), rng)
        common = normal((self.groups, 2 * k), rng)[torch.arange(n) * self.groups // n]
        p, q = (b + self.heterogeneity * common).chunk(2, dim=1)
        penalty = {"l1": self.l1, "box": self.box or torch.inf} if self.l1 or self.box else {}
        start = normal((2 * k,), random_streams.stream(seed, "init"))
        train = quadratic(Samples(S, B, T, p, q), start, device, dtype, **penalty)
        return Instance(train, None, train.start, None)

    def _between(self, basis: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
        """Sample symmetric matrices with these eigenvectors (n, k, k), eigenvalues in [μ, L]."""
        values = uniform(self.mu, self.ell, (len(basis), 1, self.size), rng)
        return basis * values @ basis.mT

"""Quadratic games of two players: Beznosikov, Gorbunov, Berard and Loizou, 2023, arXiv:2202.07262.

Stochastic Gradient Descent-Ascent: Unified Theory and New Efficient Methods.

Each of n samples has its own strongly monotone F(z) = Az + b, A = [[S, B], [−Bᵀ, T]], with
eigenvalues of S and T between μ and L; the solution of the mean is known in closed form. A penalty,
ℓ1 and a box, is met by the proximal map of the optimizers that have one.
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
class QuadraticGame(Problem):
    """Two players, one downhill and one uphill on the mean of random quadratic functions."""

    label: ClassVar[str] = "quadratic game"

    size: Annotated[int, Knob(1, 50, "numbers that each player chooses")] = 5
    samples: Annotated[int, Knob(1, 10_000, "quadratic functions in the mean", "log")] = 100
    mu: Annotated[float, Knob(0.0, 100.0, "smallest eigenvalue μ of S and T")] = 0.1
    ell: Annotated[float, Knob(1e-3, 100.0, "largest eigenvalue L of S and T", "log")] = 5.0
    coupling: Annotated[
        float, Knob(0.0, 100.0, "largest singular value of B; at 0 nobody minds the other")
    ] = 2.5
    noise: Annotated[float, Knob(0.0, 100.0, "standard deviation of a sample's b")] = 1.0
    heterogeneity: Annotated[
        float, Knob(0.0, 100.0, "standard deviation of what b has in common within a group")
    ] = 0.0
    groups: Annotated[
        int, Knob(1, 1000, "groups of neighbouring samples, as the data of so many workers")
    ] = 10
    l1: Annotated[float, Knob(0.0, 100.0, "weight of the penalty ‖z‖₁")] = 0.0
    box: Annotated[float, Knob(0.0, 100.0, "numbers lie between ± this; 0: anywhere")] = 0.0

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
        """Symmetric matrices with these eigenvectors (n, k, k), eigenvalues between μ and L."""
        values = uniform(self.mu, self.ell, (len(basis), 1, self.size), rng)
        return basis * values @ basis.mT

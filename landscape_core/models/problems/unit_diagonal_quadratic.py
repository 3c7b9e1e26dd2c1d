"""Convex quadratics with a unit diagonal: Sun, 2019, arXiv:1912.08957, on convex optimization.

f(θ) = ½ θᵀAθ with Aᵢᵢ = 1, so that the mean eigenvalue is 1 and all coordinates have the same
curvature. The rows xᵢ of √n A^½ are the examples: f is the mean of fᵢ(θ) = ½ (xᵢᵀθ)², and each of
them has the curvature ‖xᵢ‖² = n. What coordinate descent gains by Aᵢᵢ against λmax, methods that
take one example a step gain likewise.

A random matrix with a unit diagonal and given eigenvalues is made by plane rotations: Bendel and
Mickey, 1978, Population Correlation Matrices for Sampling Experiments; in the stable form of Davies
and Higham, 2000, Numerically Stable Generation of Correlation Matrices and Their Factors.
"""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from landscape_core.foundation import random_streams
from landscape_core.foundation.recipes import Choice, Knob
from landscape_core.models.games import normal
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.problems.base import Instance, Problem, ProblemSize

EQUAL, GEOMETRIC = "two eigenvalues", "geometric"
SPECTRA = (EQUAL, GEOMETRIC)


@dataclass(frozen=True, kw_only=True)
class UnitDiagonalQuadratic(Problem):
    """Strongly convex quadratic whose matrix has ones on its diagonal; its minimum is 0, at 0."""

    label: ClassVar[str] = "quadratic with a unit diagonal"

    size: Annotated[int, Knob(2, 500, "number n of parameters, and of examples", "log")] = 50
    correlation: Annotated[
        float,
        Knob(0.0, 0.99, "off-diagonal entries ρ; the condition number is (1 + (n−1)ρ) / (1 − ρ)"),
    ] = 0.5
    spectrum: Annotated[
        str,
        Choice(
            SPECTRA,
            "all off-diagonal entries ρ, which gives two eigenvalues; or a random matrix of the "
            "same condition number with eigenvalues in a geometric progression",
        ),
    ] = EQUAL

    def estimated_size(self) -> ProblemSize:
        return ProblemSize(self.size, self.size, 8 * self.size * (self.size + 1))

    @property
    def condition(self) -> float:
        """The condition number κ = λmax / λmin."""
        return (1 + (self.size - 1) * self.correlation) / (1 - self.correlation)

    def eigenvalues(self) -> Float[Tensor, " n"]:
        """The eigenvalues of A in ascending order, float64; their mean is 1."""
        n, rho = self.size, self.correlation
        if self.spectrum == EQUAL:
            values = torch.full((n,), 1 - rho, dtype=torch.float64)
            values[-1] = 1 + (n - 1) * rho
            return values
        values = torch.logspace(0, math.log10(self.condition), n, dtype=torch.float64)
        return values / values.mean()

    def matrix(self, seed: int) -> Float[Tensor, "n n"]:
        """The matrix A of a seed, float64."""
        if self.spectrum == GEOMETRIC:
            return with_unit_diagonal(self.eigenvalues(), random_streams.stream(seed, "data"))
        unit = torch.eye(self.size, dtype=torch.float64)
        return (1 - self.correlation) * unit + self.correlation

    def build(self, seed: int, device: str = "cpu", dtype: torch.dtype = torch.float32) -> Instance:
        values, basis = torch.linalg.eigh(self.matrix(seed))
        rows = math.sqrt(self.size) * (basis * values.clamp(min=0).sqrt()) @ basis.T
        module = nn.Linear(self.size, 1, bias=False)
        with torch.no_grad():
            module.weight.copy_(normal((1, self.size), random_streams.stream(seed, "init")))
        inputs = rows.to(device, dtype)
        train = ModelObjective(
            module.to(device, dtype), half_square, inputs, torch.zeros_like(inputs[:, :1])
        )
        return Instance(train, None, train.start, None)


def half_square(outputs: Tensor, targets: Tensor) -> Tensor:
    """Half the squared error of each example, (..., N), for outputs (..., N, 1)."""
    return (outputs - targets).square()[..., 0] / 2


def with_unit_diagonal(
    eigenvalues: Float[Tensor, " n"], rng: torch.Generator
) -> Float[Tensor, "n n"]:
    """Sample a symmetric matrix with these eigenvalues, whose mean is 1, and a unit diagonal.

    Each rotation, in the plane of the smallest and the largest diagonal entry, makes one of them 1.
    """
    n = len(eigenvalues)
    basis = torch.linalg.qr(normal((n, n), rng)).Q
    A = (basis * eigenvalues) @ basis.T
    for _ in range(n - 1):
        i, j = int(A.diagonal().argmin()), int(A.diagonal().argmax())
        low, high, across = float(A[i, i]) - 1, float(A[j, j]) - 1, float(A[i, j])
        if not (low < 0 < high):
            break
        t = low / (across + math.copysign(math.sqrt(across**2 - low * high), across))
        c = 1 / math.sqrt(1 + t * t)
        turn = torch.tensor([[c, -c * t], [c * t, c]], dtype=A.dtype)
        A[[i, j]] = turn @ A[[i, j]]
        A[:, [i, j]] = A[:, [i, j]] @ turn.T
        A[i, i] = 1.0
    return ((A + A.T) / 2).fill_diagonal_(1.0)

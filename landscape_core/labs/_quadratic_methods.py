"""Methods on f(θ) = ½ θᵀAθ with a unit diagonal: epochs, their theory, and a model of their time.

Methods that need whole products with A are the optimizers of the catalogue, with the constants that
theory gives for the ends of the spectrum. Those that take one coordinate or example a step have n
steps in an epoch, and are written in NumPy here. An epoch is one product with A, or what costs the
same: n steps of coordinate descent, or n gradients of single examples fᵢ(θ) = ½ (xᵢᵀθ)², with xᵢ
the rows of √n A^½.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from landscape_core.foundation.types import Scalar, Vector
from landscape_core.models.objective import Objective
from landscape_core.models.parameters import Layout
from landscape_core.training.optimizers.barzilai_borwein import BarzilaiBorwein
from landscape_core.training.optimizers.base import Optimizer
from landscape_core.training.optimizers.bfgs import BFGS
from landscape_core.training.optimizers.heavy_ball import HeavyBall
from landscape_core.training.optimizers.lbfgs import LBFGS
from landscape_core.training.optimizers.nesterov import Nesterov
from landscape_core.training.optimizers.nonlinear_conjugate_gradient import (
    NonlinearConjugateGradient,
)
from landscape_core.training.optimizers.sgd import SGD

Array = npt.NDArray[np.float64]
Walk = Iterator[tuple[float, float]]
"""Pairs of epochs and f/f₀, the start left out, without end."""

SERIAL = ("CD", "SVRG", "SAGA")
"""Methods whose n steps of an epoch come one after the other."""
PAIRS = 10
"""Stored pairs of L-BFGS."""
STAGE = 2
"""Inner steps of SVRG between snapshots, in n, as recommended for convex problems."""
SVRG_RATE, SAGA_RATE = 1 / 5, 1 / 3
"""Step sizes in 1/L: SVRG's theorem needs less than a quarter, SAGA's a third."""
READINGS = 10
"""How often an epoch coordinate descent looks at f."""
AT_ONCE = 1000


class Quadratic(Objective):
    """½ θᵀAθ with its derivatives in closed form."""

    examples = 1

    def __init__(self, matrix: Tensor) -> None:
        self.matrix = matrix
        self.layout = Layout.of_shapes({"theta": (len(matrix),)})

    def loss(self, theta: Vector) -> Scalar:
        return 0.5 * theta @ (self.matrix @ theta)

    def value_and_gradient(self, theta: Vector) -> tuple[Scalar, Vector]:
        slope = self.matrix @ theta
        return 0.5 * theta @ slope, slope

    def hvp(self, theta: Vector, direction: Vector) -> Vector:
        del theta
        return self.matrix @ direction

    def restricted(self, indices: Tensor) -> "Quadratic":
        del indices
        return self


def rules(eigenvalues: Tensor) -> dict[str, Optimizer[Any]]:
    """Optimizers by short names, for a spectrum in ascending order."""
    low, high = (math.sqrt(float(eigenvalues[at])) for at in (0, -1))
    share = (high - low) / (high + low)
    return {
        "GD": SGD(learning_rate=1 / high**2),
        "NAG": Nesterov(learning_rate=1 / high**2, momentum=share),
        "HB": HeavyBall(learning_rate=4 / (high + low) ** 2, momentum=share**2),
        "CG": NonlinearConjugateGradient(search="quadratic"),
        "BB": BarzilaiBorwein(learning_rate=1 / high**2, length="long", largest=1e8),
        "L-BFGS": LBFGS(pairs=PAIRS),
        "BFGS": BFGS(search="quadratic"),
    }


def walk(optimizer: Optimizer[Any], matrix: Tensor, theta: Vector) -> Walk:
    """A step of an optimizer an epoch."""
    objective = Quadratic(matrix)
    memory, first = optimizer.init(theta), float(objective.loss(theta))
    for epoch in _from_one():
        theta, memory = optimizer.step(objective, theta, memory)
        yield epoch, float(objective.loss(theta)) / first


def newton(matrix: Tensor, theta: Vector) -> Walk:
    """Newton's step, which is the last."""
    objective = Quadratic(matrix)
    first = float(objective.loss(theta))
    for epoch in _from_one():
        theta = theta - torch.linalg.solve(matrix, matrix @ theta)
        yield epoch, float(objective.loss(theta)) / first


def coordinate_descent(A: Array, theta: Array, drawn: np.random.Generator) -> Walk:
    """Exact steps along random coordinates: f falls by half of the squared slope."""
    n = len(A)
    slope, some = A @ theta, max(1, n // READINGS)
    value = first = 0.5 * float(theta @ slope)
    for count, i in enumerate(_integers(n, drawn), 1):
        s = slope[i]
        slope -= s * A[i]
        value -= 0.5 * s * s
        if count % some == 0:
            yield count / n, value / first


def svrg(A: Array, X: Array, theta: Array, drawn: np.random.Generator) -> Walk:
    """SVRG with single examples; a step takes one of their gradients, a snapshot n.

    The gradient of an example at the snapshot is its row times a number, which is kept.
    """
    n, w = len(X), theta
    eta, cost, chosen = SVRG_RATE / _curvature(X), 0.0, _integers(n, drawn)
    first = theta @ A @ theta
    while True:
        w, full, cost = theta, A @ theta, cost + 1
        yield cost, float(theta @ full / first)
        for _ in range(2 * STAGE):
            for _ in range(n // 2):
                x = X[next(chosen)]
                theta = theta - eta * ((x @ (theta - w)) * x + full)
            cost += (n // 2) / n
            yield cost, float(theta @ A @ theta / first)


def saga(A: Array, X: Array, theta: Array, drawn: np.random.Generator) -> Walk:
    """SAGA with single examples and a table that starts with zeros."""
    n = len(X)
    eta, chosen = SAGA_RATE / _curvature(X), _integers(n, drawn)
    table, mean, first = [0.0] * n, np.zeros(n), theta @ A @ theta
    for epoch in _from_one():
        for _ in range(n):
            i = next(chosen)
            x = X[i]
            s = float(x @ theta)
            moved = (s - table[i]) * x
            theta = theta - eta * (moved + mean)
            mean = mean + moved / n
            table[i] = s
        yield epoch, float(theta @ A @ theta / first)


def _curvature(X: Array) -> float:
    """L, the largest curvature of an example."""
    return float(np.square(X).sum(1).max())


def _integers(n: int, drawn: np.random.Generator) -> Iterator[int]:
    while True:
        yield from drawn.integers(n, size=AT_ONCE).tolist()


def _from_one() -> Iterator[int]:
    count = 0
    while True:
        count += 1
        yield count


@dataclass(frozen=True, eq=False)
class Theory:
    """What theory says of a spectrum (n,) in ascending order with mean 1, down to f/f₀ = ε."""

    eigenvalues: Array
    epsilon: float

    def epochs(self) -> dict[str, float]:
        """Epochs: asymptotic rates (GD, NAG, HB) or upper bounds; at least one."""
        low, high = float(self.eigenvalues[0]), float(self.eigenvalues[-1])
        n, root = len(self.eigenvalues), math.sqrt(high / low)
        heavy = (root - 1) / (root + 1)
        found = {
            "GD": self._after((1 - low / high) ** 2),
            "CD": self._after(1 - low / n) / n,
            "SAGA": self._after(1 - min(0.25, low / 3) / n) / n,
            "NAG": self._after((1 - 1 / root) ** 2),
            "HB": self._after(heavy**2),
            "CG": min(self._distinct(), self._after(heavy**2, 4.0)),
            "Newton": 1.0,
        }
        return {name: max(1.0, value) for name, value in found.items()}

    def _after(self, factor: float, ahead: float = 1.0) -> float:
        """Steps until `ahead` times the power of a factor is ε."""
        return math.log(self.epsilon / ahead) / math.log(factor) if factor > 0 else 1.0

    def _distinct(self) -> int:
        return 1 + int((np.diff(self.eigenvalues) > 1e-9 * self.eigenvalues[-1]).sum())


def epoch_time(name: str, n: int, workers: int) -> float:
    """A model of the time of an epoch, in multiplications of one worker.

    A product with A is divided among the workers, who then wait for each other log₂ of their number
    times. A step of a serial method divides n multiplications. L-BFGS adds 4 · pairs · n, BFGS a
    product with B and its update (3n²), Newton a Cholesky factorization (n³/3 in n steps).
    """
    whole, row = min(workers, n * n), min(workers, n)
    product = n * n / whole + math.log2(whole)
    if name in SERIAL:
        return n * (n / row + math.log2(row))
    if name == "L-BFGS":
        return product + 2 * PAIRS * (2 * n / row + math.log2(row))
    if name == "BFGS":
        return product + 3 * n * n / whole + math.log2(whole)
    if name == "Newton":
        return n**3 / 3 / whole + n * math.log2(whole)
    return product

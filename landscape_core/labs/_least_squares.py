"""Least squares of the catalogue in closed form: its minimum, and the noise floor of SGD."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from landscape_core.models.architectures.deep_linear import DeepLinear
from landscape_core.models.datasets.linear_teacher import LinearTeacher
from landscape_core.models.losses.squared_error import SquaredError
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.problems.supervised import Supervised
from landscape_core.training.samplers.base import Asked, Sampler

Array = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

POINTS, SIZE = 200, 20
"""Examples and numbers of a linear map."""


@dataclass(frozen=True, eq=False)
class LeastSquares:
    """The mean of ½(⟨a, θ⟩ − b)² over examples: A (n, d), b (n,), and its minimum (d,)."""

    A: Array
    b: Array
    solution: Array
    objective: ModelObjective
    """The same of the catalogue."""

    @property
    def start(self) -> Array:
        """The initial weights, (d,)."""
        return np.asarray(self.objective.start.numpy(), float)

    @property
    def rate(self) -> float:
        """1/max‖a‖²: no step on a single example makes its error larger."""
        return float(1 / np.square(self.A).sum(1).max())

    def excess(self, theta: Array) -> Array:
        """How far the losses at theta (..., d) lie above the least one, (...)."""
        away = (theta - self.solution) @ self.A.T
        return np.asarray(np.square(away).mean(-1) / 2)

    def floor(self, rate: float) -> float:
        """The stationary mean excess of SGD at a constant rate, examples drawn with replacement.

        With δ = θ − θ̂ a step is δ ← (I − ηaaᵀ)δ − ηra, r the residual at the minimum, so that the
        stationary covariance Σ solves HΣ + ΣH − ηE[aaᵀΣaaᵀ] = ηE[r²aaᵀ]; the excess is ½ tr HΣ.
        """
        n, d = self.A.shape
        squares = (self.A[:, :, None] * self.A[:, None, :]).reshape(n, d * d)
        H, one = self.A.T @ self.A / n, np.eye(d)
        noise = np.square(self.A @ self.solution - self.b) @ squares / n
        operator = np.kron(H, one) + np.kron(one, H) - rate * squares.T @ squares / n
        return float(H.ravel() @ np.linalg.solve(operator, rate * noise) / 2)


def problem(noise: float) -> Supervised:
    """The problem of the catalogue."""
    data = LinearTeacher(points=POINTS, dimension=SIZE, targets=1, rank=1, noise=noise)
    return Supervised(dataset=data, architecture=DeepLinear(depth=1), loss=SquaredError())


def least_squares(seed: int, noise: float) -> LeastSquares:
    """The problem of a seed; its inputs do not depend on the noise of the targets."""
    part = problem(noise).build(seed, dtype=torch.float64).train
    assert isinstance(part, ModelObjective)  # without a regularizer
    A, b = part.inputs.numpy(), part.targets[:, 0].numpy()
    return LeastSquares(A, b, np.linalg.lstsq(A, b, rcond=None)[0], part)


def order(sampler: Sampler[Any], objective: ModelObjective, passes: int, seed: int) -> Indices:
    """The examples of some passes in the order of a sampler, (passes · n,)."""
    n, memory, found = objective.examples, sampler.init(objective.examples), []
    for number in range(passes):
        asked = Asked(objective, objective.start, n, number, number * n, seed)
        part, memory = sampler.draw(asked, memory)
        found.append(part.indices.numpy())
    return np.concatenate(found)

"""A narrow curved valley of two parameters, and the metrics of methods that walk down it.

f(x, y) = ¼ (x² − 1)² + ½ k (y − x²)² is half the squared norm of two residuals, the outputs of a
network, so that there are a Hessian and a Fisher matrix. Minima are (±1, 1), a saddle point is
(0, 0). A step s = −η P g is steepest in the metric P⁻¹: of all points as far from the iterate in
it, on the ellipse sᵀ P⁻¹ s = const, the step leads to the lowest one by the gradient.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from landscape_core.models.losses.squared_error import SquaredError
from landscape_core.models.network_objective import ModelObjective
from landscape_core.training.optimizers.adagrad import AdaGrad
from landscape_core.training.optimizers.base import Optimizer
from landscape_core.training.optimizers.natural_gradient import NaturalGradient
from landscape_core.training.optimizers.newton import Newton
from landscape_core.training.optimizers.saddle_free_newton import SaddleFreeNewton
from landscape_core.training.optimizers.sgd import SGD

Array = npt.NDArray[np.float64]

METHODS = ("gradient descent", "AdaGrad", "natural gradient", "Newton", "saddle-free Newton")

ANGLES = np.linspace(0, 2 * np.pi, 41)
"""Where points of an ellipse are drawn."""


class Residuals(nn.Module):
    """A module from ones (N, 1) to the residuals (N, 2) at (x, y)."""

    def __init__(self, x: float, y: float, steepness: float) -> None:
        nn.Module.__init__(self)
        self.point = nn.Parameter(torch.tensor([[x, y]], dtype=torch.float64))
        self.steepness = steepness

    def forward(self, ones: Tensor) -> Tensor:
        """((x² − 1) / √2, √k (y − x²)) of each example."""
        x, y = self.point[0]
        along = (x.square() - 1) / math.sqrt(2)
        return ones * torch.stack([along, math.sqrt(self.steepness) * (y - x.square())])


def valley(x: float, y: float, steepness: float) -> ModelObjective:
    """The loss f of a network whose parameters are x and y, from a start."""
    ones = torch.ones(1, 1, dtype=torch.float64)
    return ModelObjective(Residuals(x, y, steepness), SquaredError(), ones, 0 * ones.expand(1, 2))


def steepness_of(condition: float) -> float:
    """The k with which the Hessian at the minima has a condition number, at least 18.

    Its trace is 2 + 5k and its determinant 2k, and (κ + 1)² / κ = trace² / determinant.
    """
    half = (condition + 1) ** 2 / condition - 10
    return float((half + math.sqrt(half**2 - 100)) / 25)


def height(x: Array, y: Array, steepness: float) -> Array:
    """The loss f itself."""
    return np.asarray((x**2 - 1) ** 2 / 4 + steepness * (y - x**2) ** 2 / 2)


def hessian(x: float, y: float, steepness: float) -> Array:
    """The Hessian of f, (2, 2)."""
    k = steepness
    return np.array([[3 * x**2 - 1 + k * (6 * x**2 - 2 * y), -2 * k * x], [-2 * k * x, k]])


def fisher(x: float, steepness: float) -> Array:
    """The Fisher matrix JᵀJ of the residuals, (2, 2)."""
    k = steepness
    return np.array([[2 * x**2 + 4 * k * x**2, -2 * k * x], [-2 * k * x, k]])


def rule(method: str, steepness: float, damping: float) -> Optimizer[Any]:
    """A method as an optimizer of the catalogue; Newton's without search and shift."""
    rules: dict[str, Optimizer[Any]] = {
        # Stable at the minima, where the largest eigenvalue is about 5k.
        "gradient descent": SGD(learning_rate=0.3 / steepness),
        "AdaGrad": AdaGrad(learning_rate=0.3),
        "natural gradient": NaturalGradient(learning_rate=0.5, damping=damping),
        "Newton": Newton(damping=damping, negative="kept", search="fixed"),
        "saddle-free Newton": SaddleFreeNewton(floor=damping),
    }
    return rules[method]


def metric(method: str, point: Array, steepness: float, damping: float, squares: Array) -> Array:
    """P⁻¹ of the step from a point, (2, 2), where it is positive definite; NaN where it is not.

    Args:
        method: one of `METHODS`.
        point: x and y.
        steepness: k.
        damping: of the method.
        squares: the sums of squared derivatives of AdaGrad, those at the point included.
    """
    unit = np.eye(2)
    if method == "gradient descent":
        return unit
    if method == "AdaGrad":
        return np.diag(np.sqrt(squares))
    if method == "natural gradient":
        return fisher(point[0], steepness) + damping * unit
    values, vectors = np.linalg.eigh(hessian(point[0], point[1], steepness))
    if method == "saddle-free Newton":
        return (vectors * np.maximum(np.abs(values), damping)) @ vectors.T
    positive = values[0] + damping > 0
    return (vectors * (values + damping)) @ vectors.T if positive else np.full((2, 2), np.nan)


def ellipse(point: Array, following: Array, metric: Array) -> Array:
    """Points as far from a point in a metric as the following one, (2, len(ANGLES))."""
    if np.isnan(metric).any():
        return np.full((2, len(ANGLES)), np.nan)
    step = following - point
    values, vectors = np.linalg.eigh(metric)
    circle = np.stack([np.cos(ANGLES), np.sin(ANGLES)]) / np.sqrt(values)[:, None]
    return np.asarray(point[:, None] + math.sqrt(step @ metric @ step) * vectors @ circle)


def walk(
    method: str, start: Array, steepness: float, damping: float, steps: int
) -> Iterator[tuple[Array, Array]]:
    """Yield the iterate and the metric of the step from it, `steps` + 1 times."""
    objective = valley(start[0], start[1], steepness)
    optimizer = rule(method, steepness, damping)
    theta, memory, squares = objective.start, optimizer.init(objective.start), np.zeros(2)
    for _ in range(steps + 1):
        squares = squares + objective.gradient(theta).numpy() ** 2
        point = theta.numpy()
        yield point, metric(method, point, steepness, damping, squares)
        theta, memory = optimizer.step(objective, theta, memory)

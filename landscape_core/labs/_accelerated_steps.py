"""Steps of SARAH, Katyusha, Catalyst and SGD-BB on least squares, in NumPy.

As in `_variance_steps`, they are those of the catalogue with batches of one, and each function
yields (gradients of examples so far, θ) before every step. The papers are those of the catalogue:
spider, katyusha, catalyst and sgd_bb.
"""

import math
from collections.abc import Callable

import numpy as np

from landscape_core.foundation.recipes import Choice
from landscape_core.labs._least_squares import Array, Indices, LeastSquares
from landscape_core.labs._variance_steps import Run

NONE = "none"
"""The choice of no further method."""


def _residual(data: LeastSquares, i: int, theta: Array) -> float:
    """The error of an example, whose gradient is that times its input."""
    return float(data.A[i] @ theta - data.b[i])


def _full(data: LeastSquares, theta: Array) -> Array:
    """The full gradient, (d,)."""
    return (data.A @ theta - data.b) @ data.A / len(data.A)


def _convexity(data: LeastSquares) -> float:
    """The strong convexity constant of the loss: the least eigenvalue of its Hessian."""
    return float(np.linalg.eigvalsh(data.A.T @ data.A / len(data.A))[0])


def sarah(data: LeastSquares, rate: float, order: Indices, every: int) -> Run:
    """SARAH, v ← ∇fᵢ(θ) − ∇fᵢ(θ⁻) + v, and v ← ∇f(θ) at each `every` steps.

    Costs two gradients, and n for ∇f(θ).
    """
    theta, spent = data.start, 0
    before = v = theta
    for step, i in enumerate(order.tolist()):
        yield spent, theta
        if step % every == 0:
            v, spent = _full(data, theta), spent + len(data.A)
        else:
            v = v + (_residual(data, i, theta) - _residual(data, i, before)) * data.A[i]
            spent += 2
        before, theta = theta, theta - rate * v


def katyusha(data: LeastSquares, rate: float, order: Indices, every: int) -> Run:
    """Katyusha with the strong convexity of the loss; costs as much as SVRG."""
    theta, spent, sigma = data.start, 0, _convexity(data)
    z = w = theta
    tau = min(math.sqrt(every * rate * sigma), 0.5)
    growth, total, mean = 1 + rate / tau * sigma, 0.0, theta
    for step, i in enumerate(order.tolist()):
        yield spent, theta
        if step % every == 0:
            w, total = mean, 0.0
            full, spent = _full(data, w), spent + len(data.A)
        x = tau * z + 0.5 * w + (0.5 - tau) * theta
        g = full + (_residual(data, i, x) - _residual(data, i, w)) * data.A[i]
        z, theta = z - rate / tau * g, x - rate * g
        total = total / growth + 1
        mean = mean + (theta - mean) / total
        spent += 2


def catalyst(data: LeastSquares, rate: float, order: Indices, every: int) -> Run:
    """Catalyst around SVRG, with κ = L/n for L = max‖a‖²; costs as much as SVRG."""
    theta, spent, sigma = data.start, 0, _convexity(data)
    kappa = 1 / (data.rate * len(data.A))
    q = sigma / (sigma + kappa)
    alpha, y, w = math.sqrt(q), theta, theta
    for step, i in enumerate(order.tolist()):
        yield spent, theta
        if step % every == 0:
            if step:
                b = alpha**2 - q
                new = (math.sqrt(b**2 + 4 * alpha**2) - b) / 2
                y = theta + alpha * (1 - alpha) / (alpha**2 + new) * (theta - w)
                alpha = new
            w = theta
            full, spent = _full(data, w), spent + len(data.A)
        change = (_residual(data, i, theta) - _residual(data, i, w)) * data.A[i]
        theta = theta - rate * (full + change + kappa * (theta - y))
        spent += 2


def sgd_bb(data: LeastSquares, rate: float, order: Indices, every: int) -> Run:
    """SGD-BB with smoothed step sizes, each for `every` steps; costs one gradient."""
    theta, log, share = data.start, 0.0, min(1.0, 10 / every)
    start = theta
    mean = before = np.zeros(len(theta))
    for step, i in enumerate(order.tolist()):
        yield step, theta
        k = step // every
        if step % every == 0:
            if k > 1:
                s = theta - start
                length, curvature = float(s @ s), abs(float(s @ (mean - before)))
                moved = length and curvature  # at the minimum nothing does
                found = length / (every * curvature) if moved else rate
                log = ((k - 2) * log + math.log(found * k)) / (k - 1)
                rate = math.exp(log) / k
            start, before, mean = theta, mean, np.zeros(len(theta))
        g = _residual(data, i, theta) * data.A[i]
        mean = mean + share * (g - mean)
        theta = theta - rate * g


RULES: dict[str, Callable[[LeastSquares, float, Indices, int], Run]] = {
    "SARAH": sarah,
    "Katyusha": katyusha,
    "Catalyst": catalyst,
    "SGD-BB": sgd_bb,
}
"""Methods by their names: of the problem, a rate, the order and the steps of an interval."""


FURTHER = Choice(
    (NONE, *RULES),
    "one more method on least squares, where acceleration gains nothing: L/μ is below n",
)


def further(name: str, data: LeastSquares, order: Indices, every: int) -> list[Run]:
    """The run of a method at the rate 1/(3L), if one is named."""
    return [] if name == NONE else [RULES[name](data, data.rate / 3, order, every)]

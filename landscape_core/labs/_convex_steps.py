"""Convex subproblems of a small tanh network with squared error, and first-order rules, in NumPy.

The network is 10-10-10-1; its 231 parameters stand in rows in the order of `MLP`. Formulas: see
`landscape_core/training/optimizers/successive_convex.py`, here for the mean squared error (twice
what is minimized there) and for a penalty λ‖θ‖² or λ‖θ‖₁.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

SIZES = (10, 10, 10, 1)
COUNT = sum(m * n + n for m, n in pairwise(SIZES))
LAMBDA = 1e-4
ALPHA, DECAY = 0.3, 0.01
"""The first step size α of a convex step, and ε of α ← α(1 − εα)."""
ITERATIONS = 40
"""Of the proximal gradient method with momentum, for ‖·‖₁."""


@dataclass(frozen=True)
class Regularizer:
    """λ‖θ‖² or, if `sparse`, λ‖θ‖₁."""

    sparse: bool

    def __call__(self, theta: Array) -> Array:
        """Its value for each row (..., P)."""
        values = np.abs(theta) if self.sparse else np.square(theta)
        return np.asarray(LAMBDA * values.sum(-1))

    def gradient(self, theta: Array) -> Array:
        """A subgradient of each row."""
        return LAMBDA * np.sign(theta) if self.sparse else 2 * LAMBDA * theta


def layers(theta: Array) -> Iterator[tuple[Array, Array]]:
    """Views of weights (S, out, in) and biases (S, out) in rows (S, P)."""
    at = 0
    for fan_in, fan_out in pairwise(SIZES):
        middle, end = at + fan_in * fan_out, at + (fan_in + 1) * fan_out
        yield theta[:, at:middle].reshape(-1, fan_out, fan_in), theta[:, middle:end]
        at = end


def activations(theta: Array, x: Array) -> list[Array]:
    """The inputs of each layer and the outputs, (S, B, units), of networks (S, P) for x (B, 10)."""
    found = [np.broadcast_to(x, (len(theta), *x.shape))]
    for weight, bias in layers(theta):
        if len(found) > 1:
            found[-1] = np.tanh(found[-1])
        found.append(found[-1] @ weight.swapaxes(1, 2) + bias[:, None])
    return found


def linearized(theta: Array, x: Array) -> tuple[Array, Array]:
    """Outputs (S, B) and their Jacobians (S, B, P)."""
    *hidden, outputs = activations(theta, x)
    S, B = outputs.shape[:2]
    delta, parts = np.ones((S, B, 1)), []
    for (weight, _), h in reversed(list(zip(layers(theta), hidden, strict=True))):
        parts += [delta, (delta[..., None] * h[:, :, None]).reshape(S, B, -1)]
        delta = (delta @ weight) * (1 - h * h)
    return outputs[..., 0], np.concatenate(parts[::-1], axis=-1)


def squared_error(theta: Array, x: Array, y: Array) -> Array:
    """The mean of (f(x) − y)² of each network, (S,)."""
    return np.asarray(np.square(activations(theta, x)[-1][..., 0] - y).mean(-1))


@dataclass(eq=False, kw_only=True)
class FirstOrder:
    """SGD, Adam and AdaGrad with several rates each, from one start and on the same batches."""

    theta: Array
    rates: dict[str, tuple[float, ...]]
    regularizer: Regularizer
    count: int = 0
    sums: Array = field(default_factory=lambda: np.zeros((3, 1, 1)))

    def step(self, x: Array, y: Array) -> None:
        """A step of each on half the objective, as the rates were set for it."""
        outputs, J = linearized(self.theta, x)
        off = (outputs - y) / len(y)
        g = (off[:, None] @ J)[:, 0] + 0.5 * self.regularizer.gradient(self.theta)
        self.count += 1
        first, second, total = self.sums
        self.sums = np.stack([0.9 * first + 0.1 * g, 0.999 * second + 0.001 * g * g, total + g * g])
        first, second, total = self.sums
        spread = np.sqrt(second / (1 - 0.999**self.count)) + 1e-8
        moves = {"SGD": g, "Adam": first / (1 - 0.9**self.count) / spread}
        moves["AdaGrad"] = g / (np.sqrt(total) + 1e-10)
        rows = [(name, rate) for name, rates in self.rates.items() for rate in rates]
        self.theta = self.theta - np.stack(
            [rate * moves[name][n] for n, (name, rate) in enumerate(rows)]
        )


@dataclass(eq=False, kw_only=True)
class Convex:
    """Successive convex approximation, with the coordinates in random blocks at each step."""

    theta: Array
    proximity: float
    forgetting: float
    regularizer: Regularizer
    blocks: int
    drawn: np.random.Generator
    count: int = 0
    alpha: float = ALPHA
    average: Array = field(default_factory=lambda: np.zeros(COUNT))

    def surrogate(self, x: Array, y: Array) -> "Surrogate":
        """The convex function of the step s from θ that the next step minimizes."""
        (outputs,), (J,) = linearized(self.theta[None], x)
        rho = (1 + self.count) ** -self.forgetting
        past = (1 - rho) * self.average
        return Surrogate(self.theta, outputs - y, J, past, rho, self.proximity, self.regularizer)

    def step(self, x: Array, y: Array) -> None:
        """The fraction α of the way to the minimizer; each block with the others at θ."""
        u = self.surrogate(x, y)
        s = np.zeros(COUNT)
        order = self.drawn.permutation(COUNT) if self.blocks > 1 else np.arange(COUNT)
        for block in np.array_split(order, self.blocks):
            s[block] = u.minimum(block)
        self.average = u.past + u.rho * u.gradient()
        self.theta = self.theta + self.alpha * s
        self.alpha *= 1 - DECAY * self.alpha
        self.count += 1


@dataclass(frozen=True, eq=False)
class Surrogate:
    """u(s) = ρ mean (off + Js)² + (1 − ρ)(mean off² + ⟨d, s⟩) + τ‖s‖² + r(θ + s).

    `past` is (1 − ρ)d. The constant makes u(0) the objective on the batch.
    """

    theta: Array
    off: Array
    J: Array
    past: Array
    rho: float
    tau: float
    regularizer: Regularizer

    def __call__(self, s: Array) -> Array:
        """Its values for steps (..., P)."""
        fitted = np.square(self.off + s @ self.J.T).mean(-1)
        smooth = self.rho * fitted + (1 - self.rho) * np.square(self.off).mean() + s @ self.past
        return smooth + self.tau * np.square(s).sum(-1) + self.regularizer(self.theta + s)

    def gradient(self) -> Array:
        """The gradient of the squared error on the batch, (P,)."""
        return np.asarray(2 / len(self.off) * self.off @ self.J)

    def minimum(self, block: npt.NDArray[np.int64]) -> Array:
        """The minimizing step in the coordinates of a block, the others being 0."""
        theta, J = self.theta[block], self.J[:, block] * math.sqrt(2 * self.rho / len(self.off))
        slope = (self.past + self.rho * self.gradient())[block]
        if self.regularizer.sparse:
            return _sparse(J, 2 * self.tau, slope, theta)
        pull = 2 * (self.tau + LAMBDA)
        slope = slope + 2 * LAMBDA * theta
        if len(J) < J.shape[1]:
            inner = np.linalg.solve(J @ J.T + pull * np.eye(len(J)), J @ slope)
            return np.asarray(-(slope - J.T @ inner) / pull)
        return np.asarray(-np.linalg.solve(J.T @ J + pull * np.eye(J.shape[1]), slope))


def _sparse(J: Array, pull: float, slope: Array, theta: Array) -> Array:
    """The minimizer of ½‖Js‖² + ½ pull ‖s‖² + ⟨slope, s⟩ + λ‖θ + s‖₁, nearly."""
    gram = J @ J.T
    if not np.isfinite(gram).all():
        return np.full_like(theta, np.nan)
    largest = pull + float(np.linalg.norm(gram, 2))
    root = math.sqrt(pull / largest)
    momentum = (1 - root) / (1 + root)
    s = ahead = np.zeros_like(theta)
    for _ in range(ITERATIONS):
        w = theta + ahead - (J.T @ (J @ ahead) + pull * ahead + slope) / largest
        before, s = s, np.sign(w) * np.maximum(np.abs(w) - LAMBDA / largest, 0) - theta
        ahead = s + momentum * (s - before)
    return s


def costs(batch: int, blocks: int) -> dict[str, Any]:
    """Multiplications of one worker in a step, in units of a step of a first-order rule.

    A gradient costs a forward pass and twice that backward. A convex step of p coordinates costs a
    forward pass, the backward passes of the Jacobian's p columns, its Gram matrix, and a Cholesky
    factorization; the blocks of the parallel method are on workers of their own.
    """
    forward = batch * COUNT

    def convex(p: int) -> float:
        small, large = sorted((batch, p))
        return forward + 2 * batch * p + small * small * large / 2 + small**3 / 6

    gradient = 3 * forward
    return {
        "first": 1.0,
        "whole": convex(COUNT) / gradient,
        "parallel": convex(math.ceil(COUNT / blocks)) / gradient,
    }

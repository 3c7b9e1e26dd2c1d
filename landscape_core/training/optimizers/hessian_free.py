"""Hessian-free optimization: Martens, 2010, Deep learning via Hessian-free optimization.

Conjugate gradients lower q(p) = gᵀp + ½ pᵀ(G + λI)p, with exact products of the Gauss-Newton matrix
G of the same mini-batch (Schraudolph, 2002); an objective that is no network is its own output, and
its products are those of the Hessian. They stop by the paper's section 4.4: after step i, once
q(pᵢ) < 0 and (q(pᵢ) − q(pᵢ₋ₖ)) / q(pᵢ) < kε with k = max(10, i/10). They begin at the last p times
a decay, if q there is below 0, else at 0. Back-tracking (section 4.7) first goes to earlier
iterates, kept at distances that grow by 1.3, as long as that lowers the loss; then it shortens the
step until Armijo's condition holds.

λ adapts (section 4.1) by ρ, the change of the loss at p over that foretold by gᵀp + ½ pᵀGp, without
the damping, as in the method of Levenberg and Marquardt. There is no preconditioner. Evaluations
after the gradient leave the running statistics of batch normalization alone.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.curvature.matrices.base import Matrix
from landscape_core.foundation.recipes import Choice, Knob
from landscape_core.foundation.registry import make
from landscape_core.foundation.types import Scalar, Vector
from landscape_core.models.objective import Objective
from landscape_core.training.optimizers.base import Optimizer

Damped = tuple[float, Vector]
"""λ, and the last p."""

SHORTENINGS = 60
"""At most so many, by a fifth, in one search; then the last, tiny, step is taken."""


@dataclass(frozen=True, kw_only=True)
class HessianFree(Optimizer[Damped]):
    """Newton's method for networks: solves for each step, knowing the curvature by its products."""

    label: ClassVar[str] = "Hessian-free"
    family: ClassVar[str] = "second order"
    formula: ClassVar[str] = (
        "(G + λI) p = −g by conjugate gradients;  θ ← θ + ηp;  ρ = change of L / that foretold;  "
        "λ ← 3/2 λ if ρ < 1/4;  λ ← 2/3 λ if ρ > 3/4"
    )
    source: ClassVar[str] = "Martens, 2010, Deep learning via Hessian-free optimization"

    learning_rate: Annotated[
        float, Knob(1e-5, 100.0, "share η of p, or the first one that a search tries", "log")
    ] = 1.0
    damping: Annotated[
        float, Knob(1e-12, 1e4, "λ at the start, added to the curvature; it adapts", "log")
    ] = 1.0
    iterations: Annotated[
        int, Knob(1, 10_000, "steps of conjugate gradients at most, one product each", "log")
    ] = 100
    tolerance: Annotated[
        float, Knob(0.0, 0.1, "gain ε for each of them below which they stop; 0: never")
    ] = 0.0005
    decay: Annotated[float, Knob(0.0, 1.0, "share of the last p at which they begin")] = 0.95
    search: Annotated[
        str, Choice(("fixed", "backtracking"), "step by ηp, or go back until the loss has fallen")
    ] = "backtracking"

    def init(self, theta: Vector) -> Damped:
        """The first λ; no step yet."""
        return self.damping, torch.zeros_like(theta)

    def step(self, objective: Objective, theta: Vector, memory: Damped) -> tuple[Vector, Damped]:
        """One step along p, and λ for the next."""
        damping, before = memory
        quiet = objective.still
        value, g = objective.value_and_gradient(theta)
        product = _products(quiet, theta)
        path = self._path(lambda v: product(v) + damping * v, g, self.decay * before)
        p, reached = path[-1], _loss(quiet, theta + path[-1])
        if self.search == "backtracking":
            p, reached = _earlier(quiet, theta, path, reached)
        foretold = g @ p + 0.5 * (p @ product(p))
        ratio = float((reached - value) / foretold) if foretold < 0 else -math.inf
        rate = self.learning_rate
        if self.search == "backtracking":
            rate = _searched(quiet, theta, p, rate, value, g @ p)
        return theta + rate * p, (_adapted(damping, ratio), p)

    def _path(self, product: "Product", g: Vector, start: Vector) -> list[Vector]:
        """Iterates of conjugate gradients, farther and farther apart, the last one included."""
        pulled = product(start)
        if not start @ (g + 0.5 * pulled) < 0:
            start, pulled = torch.zeros_like(start), torch.zeros_like(start)
        p, r = start, -g - pulled
        d, left = r, r @ r
        kept: list[Vector] = []
        values = [float(0.5 * p @ (g - r))]
        for i in range(1, self.iterations + 1):
            bent = product(d)
            curvature = d @ bent
            if not curvature > 0:  # solved, or a direction along which q falls without end
                break
            p = p + left / curvature * d
            r = r - left / curvature * bent
            values.append(float(0.5 * p @ (g - r)))
            if i >= 1.3 ** len(kept):
                kept.append(p)
            if self._stops(values):
                break
            before, left = left, r @ r
            d = r + left / before * d
        if not values[-1] < 0:  # nothing is gained: no curvature to learn from, or no numbers
            return [-g]
        return kept if kept and kept[-1] is p else [*kept, p]

    def _stops(self, values: list[float]) -> bool:
        """Whether the last steps have gained too little, by q at all iterates."""
        i = len(values) - 1
        k = max(10, i // 10)
        if i <= k or not values[i] < 0:
            return False
        return (values[i] - values[i - k]) / values[i] < k * self.tolerance


Product = Callable[[Vector], Vector]


def _products(objective: Objective, theta: Vector) -> Product:
    """Products of the Gauss-Newton matrix, or of the Hessian of what is no network."""
    if objective.network is None:
        return lambda v: objective.hvp(theta, v)
    matrix = make(Matrix, "gauss_newton").at(objective.network, theta)
    return lambda v: matrix.apply(v[None])[0]


def _loss(objective: Objective, theta: Vector) -> Scalar:
    return objective.losses(theta[None])[0]


def _earlier(
    objective: Objective, theta: Vector, path: list[Vector], reached: Scalar
) -> tuple[Vector, Scalar]:
    """The iterate from which going further back raises the loss, and the loss there."""
    p = path[-1]
    for earlier in reversed(path[:-1]):
        found = _loss(objective, theta + earlier)
        if found >= reached:  # not where the last one's loss is no number
            break
        p, reached = earlier, found
    return p, reached


def _searched(
    objective: Objective, theta: Vector, p: Vector, rate: float, value: Scalar, slope: Scalar
) -> float:
    """The first of rate, 0.8 rate, 0.8² rate, … at which the loss has fallen enough."""
    for _ in range(SHORTENINGS):
        if _loss(objective, theta + rate * p) <= value + 0.01 * rate * slope:
            break
        rate = 0.8 * rate
    return rate


def _adapted(damping: float, ratio: float) -> float:
    """λ by how far the model could be trusted; no number is no trust."""
    if ratio > 0.75:
        return 2 / 3 * damping
    return damping if ratio >= 0.25 else 1.5 * damping

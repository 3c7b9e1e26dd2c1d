"""Hessian-free optimization: Martens, 2010, Deep learning via Hessian-free optimization.

Conjugate gradients minimize q(p) = gᵀp + ½ pᵀ(G + λI)p, with exact products of the Gauss-Newton
matrix G of the same mini-batch (Schraudolph, 2002); for an objective that is not a network, of the
Hessian. They stop by the rule of the paper's section 4.4: after step i, once q(pᵢ) < 0 and (q(pᵢ) −
q(pᵢ₋ₖ)) / q(pᵢ) < kε with k = max(10, i/10). They start from the previous p times a decay if q is
negative there, else from 0. Backtracking (section 4.7) first returns to earlier iterates, stored at
intervals that grow by 1.3, as long as that lowers the loss; then it shortens the step until the
Armijo condition holds.

λ is adapted (section 4.1) by ρ, the change of the loss at p over that predicted by gᵀp + ½ pᵀGp,
without the damping, as in the Levenberg-Marquardt method. There is no preconditioner. Evaluations
after the gradient do not update the running statistics of batch normalization.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.curvature.matrices.gauss_newton import GaussNewton
from landscape_core.foundation.recipes import Choice, Knob
from landscape_core.foundation.types import Scalar, Vector
from landscape_core.models.objective import Objective
from landscape_core.training.optimizers.base import Optimizer

Damped = tuple[float, Vector]
"""The damping λ and the previous direction p."""

SHORTENINGS = 60
"""Maximum number of reductions by the factor 0.8 in one line search."""


@dataclass(frozen=True, kw_only=True)
class HessianFree(Optimizer[Damped]):
    """Truncated Newton method: conjugate gradients with Gauss-Newton products at each step."""

    label: ClassVar[str] = "Hessian-free"
    family: ClassVar[str] = "second order"
    formula: ClassVar[str] = (
        "(G + λI) p = −g by conjugate gradients;  θ ← θ + ηp;  ρ = change of L / "
        "predicted change;  λ ← 3/2 λ if ρ < 1/4;  λ ← 2/3 λ if ρ > 3/4"
    )
    source: ClassVar[str] = "Martens, 2010, Deep learning via Hessian-free optimization"

    learning_rate: Annotated[
        float,
        Knob(1e-5, 100.0, "step size η along p, or the initial one of the line search", "log"),
    ] = 1.0
    damping: Annotated[
        float,
        Knob(
            1e-12,
            1e4,
            "initial damping λ, added to the curvature and adapted during training",
            "log",
        ),
    ] = 1.0
    iterations: Annotated[
        int,
        Knob(
            1,
            10_000,
            "maximum number of conjugate gradient iterations, one matrix-vector product each",
            "log",
        ),
    ] = 100
    tolerance: Annotated[
        float,
        Knob(0.0, 0.1, "stop when the relative progress per iteration falls below ε; 0: never"),
    ] = 0.0005
    decay: Annotated[
        float, Knob(0.0, 1.0, "factor on the previous p from which conjugate gradients start")
    ] = 0.95
    search: Annotated[
        str, Choice(("fixed", "backtracking"), "fixed step ηp, or backtracking line search")
    ] = "backtracking"

    def init(self, theta: Vector) -> Damped:
        """Return the initial state: λ, no direction."""
        return self.damping, torch.zeros_like(theta)

    def step(self, objective: Objective, theta: Vector, memory: Damped) -> tuple[Vector, Damped]:
        """Take a step along p and adapt λ."""
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
        """Iterates of conjugate gradients at growing intervals, including the last."""
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
        """Whether the relative progress of q over the last iterations is too small."""
        i = len(values) - 1
        k = max(10, i // 10)
        if i <= k or not values[i] < 0:
            return False
        return (values[i] - values[i - k]) / values[i] < k * self.tolerance


Product = Callable[[Vector], Vector]


def _products(objective: Objective, theta: Vector) -> Product:
    """Products with the Gauss-Newton matrix; with the Hessian if there is no network."""
    if objective.network is None:
        return lambda v: objective.hvp(theta, v)
    matrix = GaussNewton().at(objective.network, theta)
    return lambda v: matrix.apply(v[None])[0]


def _loss(objective: Objective, theta: Vector) -> Scalar:
    return objective.losses(theta[None])[0]


def _earlier(
    objective: Objective, theta: Vector, path: list[Vector], reached: Scalar
) -> tuple[Vector, Scalar]:
    """Backtrack over earlier iterates while the loss decreases; return the iterate and its loss."""
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
    """The first of rate, 0.8 rate, 0.8² rate, … that satisfies the Armijo condition."""
    for _ in range(SHORTENINGS):
        if _loss(objective, theta + rate * p) <= value + 0.01 * rate * slope:
            break
        rate = 0.8 * rate
    return rate


def _adapted(damping: float, ratio: float) -> float:
    """Adapt λ to the reduction ratio; NaN counts as a failed step."""
    if ratio > 0.75:
        return 2 / 3 * damping
    return damping if ratio >= 0.25 else 1.5 * damping

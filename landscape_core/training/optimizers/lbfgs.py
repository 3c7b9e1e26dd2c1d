"""L-BFGS: Liu and Nocedal, 1989, On the limited memory BFGS method for large scale optimization.

The direction is that of Nocedal and Wright, 2006, Numerical Optimization, algorithm 7.4, the first
step and the first guess of the inverse Hessian as in `torch.optim.LBFGS`. The two gradients of a
pair are of the same mini-batch (Schraudolph, Yu and Günter, 2007, A Stochastic Quasi-Newton Method
for Online Convex Optimization), two a step. A pair whose curvature s·y is not positive is dropped.
The search halves the step until Armijo's condition holds, with the constant 10⁻⁴; without it the
method often diverges on mini-batches.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from landscape_core.foundation.recipes import Choice, Knob
from landscape_core.foundation.types import Scalar, Vector, Vectors
from landscape_core.models.objective import Objective
from landscape_core.training.optimizers.base import Optimizer

Pairs = tuple[Float[Tensor, "_ P"], Float[Tensor, "_ P"]]
"""The last steps s, and the changes y of the gradient along them, one a row; more by each step."""

HALVINGS = 20
"""At most so many in one search; then the last, tiny, step is taken."""


@dataclass(frozen=True, kw_only=True)
class LBFGS(Optimizer[Pairs]):
    """Guesses the curvature from its last steps, and moves as Newton's method would."""

    label: ClassVar[str] = "L-BFGS"
    family: ClassVar[str] = "second order"
    formula: ClassVar[str] = (
        "d = −Bg, B the inverse Hessian by the last pairs;  θ ← θ + ηd;  s = change of θ;  "
        "y = change of g;  keep (s, y) if s·y > 0"
    )
    source: ClassVar[str] = (
        "Liu & Nocedal, 1989, On the limited memory BFGS method for large scale optimization"
    )

    learning_rate: Annotated[
        float, Knob(1e-5, 100.0, "step size η, or the first one that a search tries", "log")
    ] = 1.0
    pairs: Annotated[int, Knob(1, 100, "steps remembered, with what they did to g")] = 10
    search: Annotated[
        str, Choice(("fixed", "backtracking"), "step by η, or halve it until the loss has fallen")
    ] = "backtracking"

    def init(self, theta: Vector) -> Pairs:
        """No pair."""
        return theta.new_empty(0, len(theta)), theta.new_empty(0, len(theta))

    def step(self, objective: Objective, theta: Vector, memory: Pairs) -> tuple[Vector, Pairs]:
        """One step along d, and the pair that it gives."""
        steps, changes = memory
        value, g = objective.value_and_gradient(theta)
        still = objective.still
        d = _direction(g, steps, changes)
        rate = self.learning_rate
        if len(steps) == 0:  # nothing is known of the scale: the step is no longer than η
            rate = rate / max(1.0, float(g.abs().sum()))
        if self.search == "backtracking":
            rate = _searched(still, theta, d, rate, value, g @ d)
        s = rate * d
        y = still.gradient(theta + s) - g
        if _tells(s, y):
            steps = torch.cat([steps, s[None]])[-self.pairs :]
            changes = torch.cat([changes, y[None]])[-self.pairs :]
        return theta + s, (steps, changes)


def _tells(s: Vector, y: Vector) -> bool:
    """Whether the curvature of a pair is positive, and none of its products nearly underflows."""
    least = torch.finfo(s.dtype).tiny / torch.finfo(s.dtype).eps
    positive = s @ y > 1e-10 * s.norm() * y.norm()
    return bool(positive & (s @ y > least) & (y @ y > least))


def _direction(g: Vector, steps: Vectors, changes: Vectors) -> Vector:
    """The two-loop recursion: −B g, shape (P,)."""
    q = -g
    if len(steps) == 0:
        return q
    curvatures = [s @ y for s, y in zip(steps, changes, strict=True)]
    pairs = list(zip(steps, changes, curvatures, strict=True))
    shares = []
    for s, y, curvature in reversed(pairs):
        shares.append((s @ q) / curvature)
        q = q - shares[-1] * y
    s, y, curvature = pairs[-1]
    r = curvature / (y @ y) * q
    for (s, y, curvature), share in zip(pairs, reversed(shares), strict=True):
        r = r + (share - (y @ r) / curvature) * s
    return r


def _searched(
    objective: Objective, theta: Vector, d: Vector, rate: float, value: Scalar, slope: Scalar
) -> float:
    """The first of rate, rate/2, rate/4, … at which the loss has fallen enough."""
    for _ in range(HALVINGS):
        (reached,) = objective.losses((theta + rate * d)[None])
        if bool(reached <= value + 1e-4 * rate * slope):
            break
        rate = rate / 2
    return rate

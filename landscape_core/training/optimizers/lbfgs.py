"""L-BFGS: Liu and Nocedal, 1989, On the limited memory BFGS method for large scale optimization.

The direction is computed by the two-loop recursion (Nocedal and Wright, 2006, Numerical
Optimization, algorithm 7.4); the first step and the initial inverse Hessian are those of
`torch.optim.LBFGS`. The two gradients of a pair are of the same mini-batch (Schraudolph, Yu and
Günter, 2007, A Stochastic Quasi-Newton Method for Online Convex Optimization), two per step. Pairs
whose curvature s·y is not positive are skipped. The line search halves the step until the Armijo
condition holds, with constant 10⁻⁴; without it the method often diverges on mini-batches.
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
"""The last steps s and gradient changes y, one per row."""

HALVINGS = 20
"""Maximum number of halvings in one line search; then the last step is taken."""


@dataclass(frozen=True, kw_only=True)
class LBFGS(Optimizer[Pairs]):
    """Limited-memory quasi-Newton: approximates the inverse Hessian from the last steps."""

    label: ClassVar[str] = "L-BFGS"
    family: ClassVar[str] = "second order"
    formula: ClassVar[str] = (
        "d = −Bg, B the inverse Hessian approximated from the last pairs;  θ ← θ + ηd;"
        "  s = change of θ;  y = change of g;  keep (s, y) if s·y > 0"
    )
    source: ClassVar[str] = (
        "Liu & Nocedal, 1989, On the limited memory BFGS method for large scale optimization"
    )

    learning_rate: Annotated[
        float,
        Knob(1e-5, 100.0, "learning rate η, or the initial step size of the line search", "log"),
    ] = 1.0
    pairs: Annotated[int, Knob(1, 100, "history size: number of stored pairs (s, y)")] = 10
    search: Annotated[
        str, Choice(("fixed", "backtracking"), "fixed step size η, or backtracking line search")
    ] = "backtracking"

    def init(self, theta: Vector) -> Pairs:
        """Return the initial state: no pairs."""
        return theta.new_empty(0, len(theta)), theta.new_empty(0, len(theta))

    def kept_vectors(self) -> float:
        """Both vectors of every pair."""
        return 2 * self.pairs

    def step(self, objective: Objective, theta: Vector, memory: Pairs) -> tuple[Vector, Pairs]:
        """Take a step along d and store the pair (s, y)."""
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
    """Whether the curvature of a pair is positive and its products do not underflow."""
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
    """The first of rate, rate/2, rate/4, … that satisfies the Armijo condition."""
    for _ in range(HALVINGS):
        (reached,) = objective.losses((theta + rate * d)[None])
        if bool(reached <= value + 1e-4 * rate * slope):
            break
        rate = rate / 2
    return rate

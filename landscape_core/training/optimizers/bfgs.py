"""BFGS: Broyden; Fletcher; Goldfarb; Shanno, 1970. Nocedal and Wright, 2006, algorithm 6.1.

The inverse Hessian is approximated by a dense matrix B, which starts as the identity and is scaled
by s·y / y·y before its first update (Nocedal and Wright, 2006, Numerical Optimization, equation
6.20). The two gradients of a pair are of the same mini-batch (Schraudolph, Yu and Günter, 2007, A
Stochastic Quasi-Newton Method for Online Convex Optimization), two per step. Pairs whose curvature
s·y is not positive are skipped, which the Wolfe conditions of the book's line search would exclude.

With the step to the minimum of the quadratic model along d (one Hessian-vector product), the
iterates on a quadratic are those of conjugate gradients (Nazareth, 1979, A Relationship between the
BFGS and Conjugate Gradient Algorithms). A line search halves the step until the Armijo condition
holds, with constant 10⁻⁴.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective
from landscape_core.training.optimizers._line_search import SEARCH, Line
from landscape_core.training.optimizers.base import Optimizer

Inverse = tuple[Tensor, ...]
"""The approximate inverse Hessian B, (P, P); () before the first pair."""

LARGEST = 2**25
"""Maximum number of entries of B, of which a step holds about three copies."""


@dataclass(frozen=True, kw_only=True)
class BFGS(Optimizer[Inverse]):
    """Quasi-Newton method with a dense approximation of the inverse Hessian."""

    label: ClassVar[str] = "BFGS"
    family: ClassVar[str] = "second order"
    formula: ClassVar[str] = (
        "d = −Bg;  θ ← θ + ηd;  s = change of θ;  y = change of g;  r = 1 / s·y;  "
        "B ← (I − r syᵀ) B (I − r ysᵀ) + r ssᵀ if s·y > 0"
    )
    source: ClassVar[str] = (
        "Broyden, 1970, The Convergence of a Class of Double-rank Minimization Algorithms; "
        "Fletcher, 1970; Goldfarb, 1970; Shanno, 1970"
    )

    learning_rate: Annotated[
        float,
        Knob(1e-5, 100.0, "learning rate η, or the initial step size of the line search", "log"),
    ] = 1.0
    search: Annotated[str, SEARCH] = "backtracking"

    def check_objective(self, objective: Objective) -> None:
        """Raise `SpecError` if the matrix would not fit in memory."""
        size = objective.layout.size
        if size**2 > LARGEST:
            accepted = f"at most {int(LARGEST**0.5)}, as B is a dense matrix; or use L-BFGS"
            raise SpecError("the number of parameters for BFGS", size, accepted)

    def scaled_by_rate(self) -> bool:
        """Whether steps begin with η: those of the quadratic model do not."""
        return self.search != "quadratic"

    def init(self, theta: Vector) -> Inverse:
        """Return the initial state: no pair yet, B the identity."""
        del theta
        return ()

    def step(self, objective: Objective, theta: Vector, memory: Inverse) -> tuple[Vector, Inverse]:
        """Take a step along d and update B."""
        value, g = objective.value_and_gradient(theta)
        still = objective.still
        d = -(memory[0] @ g) if memory else -g
        rate = self.learning_rate
        if not memory:  # nothing is known of the scale: the step is no longer than η
            rate = rate / max(1.0, float(g.abs().sum()))
        s = Line(still, theta, d, value, g @ d).rate(rate, self.search) * d
        y = still.gradient(theta + s) - g
        if _tells(s, y):
            start = memory[0] if memory else (s @ y) / (y @ y) * _identity(s)
            memory = (_updated(start, s, y),)
        return theta + s, memory


def _identity(s: Vector) -> Tensor:
    return torch.eye(len(s), dtype=s.dtype, device=s.device)


def _tells(s: Vector, y: Vector) -> bool:
    """Whether the curvature of a pair is positive and its products do not underflow."""
    least = torch.finfo(s.dtype).tiny / torch.finfo(s.dtype).eps
    positive = s @ y > 1e-10 * s.norm() * y.norm()
    return bool(positive & (s @ y > least) & (y @ y > least))


def _updated(B: Tensor, s: Vector, y: Vector) -> Tensor:
    """The next B, expanded to products with vectors; symmetric."""
    By, curvature = B @ y, s @ y
    across = torch.outer(s, By) / curvature
    share = (1 + (y @ By) / curvature) / curvature
    return B - across - across.T + share * torch.outer(s, s)

"""Newton's method with damping: Nocedal and Wright, 2006, Numerical Optimization, chapter 3.

The Hessian H of the mini-batch is dense and decomposed in float64. Where it has negative
eigenvalues, a multiple of the identity is added so that the smallest one becomes the damping λ
(section 3.4). Without that shift the step solves (H + λI) d = −g with whatever signs the
eigenvalues have; it leads towards a stationary point, which may be a saddle point (Dauphin et al.,
2014, arXiv:1406.2572).
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation.recipes import Choice, Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective
from landscape_core.training.optimizers._dense_hessian import check_size, eigenpairs, searched
from landscape_core.training.optimizers.base import Optimizer


@dataclass(frozen=True, kw_only=True)
class Newton(Optimizer[None]):
    """Steps to the minimum of the second-order Taylor expansion, with the dense Hessian."""

    label: ClassVar[str] = "Newton"
    family: ClassVar[str] = "second order"
    formula: ClassVar[str] = (
        "τ = max(λ, λ − smallest eigenvalue of H), or τ = λ;  θ ← θ − η (H + τI)⁻¹ g"
    )
    source: ClassVar[str] = "Nocedal & Wright, 2006, Numerical Optimization, chapter 3"

    learning_rate: Annotated[
        float,
        Knob(1e-5, 100.0, "step size η, or the initial one of the line search", "log"),
    ] = 1.0
    damping: Annotated[
        float,
        Knob(1e-12, 1e4, "damping λ added to the Hessian; larger values give smaller steps", "log"),
    ] = 0.001
    negative: Annotated[
        str,
        Choice(
            ("shifted", "kept"),
            "negative eigenvalues: shifted until all are positive, or kept, which leads to saddle "
            "points",
        ),
    ] = "shifted"
    search: Annotated[
        str, Choice(("fixed", "backtracking"), "fixed step size η, or backtracking line search")
    ] = "backtracking"

    def check_objective(self, objective: Objective) -> None:
        """Raise `SpecError` if there are too many parameters for a dense Hessian."""
        check_size(objective, "Newton's method")

    def init(self, theta: Vector) -> None:
        """Return the initial state: none."""

    def step(self, objective: Objective, theta: Vector, memory: None) -> tuple[Vector, None]:
        """Take a step of size η along −(H + τI)⁻¹ g."""
        value, g = objective.value_and_gradient(theta)
        still, rate = objective.still, self.learning_rate
        values, vectors = eigenpairs(still, theta)
        lowest = values[0].clamp(max=0.0) if self.negative == "shifted" else 0.0
        shifted = values + (self.damping - lowest)
        d = -(vectors @ ((vectors.T @ g.double()) / shifted)).to(g.dtype)
        if self.search == "backtracking":
            rate = searched(still, theta, d, rate, value, g @ d)
        return torch.add(theta, d, alpha=rate), memory

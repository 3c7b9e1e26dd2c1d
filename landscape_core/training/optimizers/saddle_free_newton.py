"""Saddle-free Newton: Dauphin, Pascanu, Gulcehre, Cho, Ganguli, Bengio, 2014, arXiv:1406.2572.

|H| is the Hessian of the mini-batch with the absolute values of its eigenvalues: where Newton's
step leads to a saddle point, −|H|⁻¹ g leads away from it along directions of negative curvature.
Here H is dense and decomposed in float64, for small networks, as in the paper's first experiments;
for large ones the paper decomposes it within a Krylov subspace. The paper adds a damping to |H|,
chosen at each step among several. Here eigenvalues below a floor are raised to it, and the step
size is found by backtracking.
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
class SaddleFreeNewton(Optimizer[None]):
    """Newton's method with the absolute eigenvalues of the Hessian: it leaves saddle points."""

    label: ClassVar[str] = "Saddle-free Newton"
    family: ClassVar[str] = "second order"
    formula: ClassVar[str] = "H = VΛVᵀ;  θ ← θ − η V max(|Λ|, δ)⁻¹ Vᵀ g"
    source: ClassVar[str] = (
        "Dauphin et al., 2014, Identifying and attacking the saddle point problem in "
        "high-dimensional non-convex optimization"
    )

    learning_rate: Annotated[
        float,
        Knob(1e-5, 100.0, "step size η, or the initial one of the line search", "log"),
    ] = 1.0
    floor: Annotated[
        float,
        Knob(1e-12, 1e4, "lower bound δ on the absolute eigenvalues; limits the step", "log"),
    ] = 0.001
    search: Annotated[
        str, Choice(("fixed", "backtracking"), "fixed step size η, or backtracking line search")
    ] = "backtracking"

    def check_objective(self, objective: Objective) -> None:
        """Raise `SpecError` if there are too many parameters for a dense Hessian."""
        check_size(objective, "saddle-free Newton")

    def init(self, theta: Vector) -> None:
        """Return the initial state: none."""

    def step(self, objective: Objective, theta: Vector, memory: None) -> tuple[Vector, None]:
        """Take a step of size η along −|H|⁻¹ g."""
        value, g = objective.value_and_gradient(theta)
        still, rate = objective.still, self.learning_rate
        values, vectors = eigenpairs(still, theta)
        sizes = values.abs().clamp(min=self.floor)
        d = -(vectors @ ((vectors.T @ g.double()) / sizes)).to(g.dtype)
        if self.search == "backtracking":
            rate = searched(still, theta, d, rate, value, g @ d)
        return torch.add(theta, d, alpha=rate), memory

"""Natural gradient descent: Amari, 1998, Natural Gradient Works Efficiently in Learning.

F is the Fisher information matrix: the mean of ∇log p ∇log pᵀ over labels sampled from the model.
For cross-entropy, and for squared error as the likelihood of normal labels, it equals the
Gauss-Newton matrix JᵀHJ, J the Jacobian of the outputs and H the Hessian of the loss in them
(Martens, 2020, arXiv:1412.1193, section 9), and is computed exactly; for other losses JᵀHJ is used
instead, with negative eigenvalues of H set to zero. The empirical Fisher uses the per-example
gradients for the labels of the data (Kunstner, Balles, Hennig, 2019, arXiv:1905.12558).

For an objective that is not a network F is the Hessian, and the step that of damped Newton's
method.

The linear system is solved exactly in float64: in the P parameters or, if they are fewer, in the
rows of √H J by the Woodbury identity.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from landscape_core.curvature.layer_gradients import output_hessian_roots, times_roots
from landscape_core.curvature.operator import pulled
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import Choice, Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.derivatives import HELD, gradients, jacobians
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.objective import Objective
from landscape_core.training.optimizers.base import LEARNING_RATE, Optimizer

LARGEST = 2**27
"""Maximum number of entries of the largest matrix, in float64."""


@dataclass(frozen=True, kw_only=True)
class NaturalGradient(Optimizer[None]):
    """Gradient descent preconditioned by the inverse Fisher matrix, with damping."""

    label: ClassVar[str] = "Natural gradient"
    family: ClassVar[str] = "second order"
    formula: ClassVar[str] = "θ ← θ − η (F + λI)⁻¹ g,  F = mean over examples of JᵀHJ, or of ggᵀ"
    source: ClassVar[str] = "Amari, 1998, Natural Gradient Works Efficiently in Learning"

    learning_rate: Annotated[float, LEARNING_RATE] = 0.1
    damping: Annotated[
        float,
        Knob(
            1e-12,
            1e4,
            "damping λ added to F; for large values it approaches gradient descent",
            "log",
        ),
    ] = 0.01
    fisher: Annotated[
        str,
        Choice(
            ("exact", "empirical"),
            "Fisher information of the model, or empirical Fisher with the labels of the data",
        ),
    ] = "exact"

    def check_objective(self, objective: Objective) -> None:
        """Raise `SpecError` if a dense matrix would not fit in memory."""
        size = objective.layout.size
        if min(size, self._rows(objective)) * size > LARGEST:
            accepted = f"few enough for a matrix of at most {LARGEST} entries"
            raise SpecError("the number of parameters for the natural gradient", size, accepted)

    def init(self, theta: Vector) -> None:
        """Return the initial state: none."""

    def step(self, objective: Objective, theta: Vector, memory: None) -> tuple[Vector, None]:
        """Take a step of size η along −(F + λI)⁻¹ g."""
        quiet = objective.still
        g = objective.gradient(theta)
        d = self._divided(quiet, theta, g.double()).to(g.dtype)
        return torch.sub(theta, d, alpha=self.learning_rate), memory

    def _rows(self, objective: Objective) -> int:
        """The number of rows of U, where F = UᵀU."""
        if self.fisher == "empirical":
            return objective.examples
        if objective.network is None:
            return objective.layout.size
        one = objective.network.alone().first(1)
        with torch.no_grad():
            return objective.examples * one.outputs(one.start).numel()

    def _divided(self, objective: Objective, theta: Vector, g: Vector) -> Vector:
        """Solve (F + λI) d = g in float64; NaN if it has no solution, as after divergence."""
        size = len(theta)
        unit = torch.eye(size, dtype=g.dtype, device=g.device)
        if objective.network is None and self.fisher == "exact":
            f = torch.stack([objective.hvp(theta, one) for one in unit.to(theta)]).double()
            return torch.linalg.solve_ex(f + self.damping * unit, g).result
        if self._rows(objective) >= size:
            f = torch.zeros_like(unit)
            for rows in self._factor(objective, theta):
                f += rows.T @ rows
            return _solved(f + self.damping * unit, g)
        u = torch.cat(list(self._factor(objective, theta)))
        gram = u @ u.T
        gram.diagonal().add_(self.damping)
        return (g - u.T @ _solved(gram, u @ g)) / self.damping

    def _factor(self, objective: Objective, theta: Vector) -> Iterator[Float[Tensor, "_ P"]]:
        """Yield U in blocks of rows, in float64."""
        if self.fisher == "empirical" or objective.network is None:
            for rows in gradients(objective, theta):
                yield rows.double() / objective.examples**0.5
            return
        model = objective.network
        roots = output_hessian_roots(model, model.outputs(theta.detach())).double()
        step = model.examples if model.normalizes else max(1, HELD // (len(theta) * roots.shape[1]))
        for start in range(0, model.examples, step):
            some = model.between(start, start + step)
            j = _together(some, theta) if model.normalizes else jacobians(some.alone(), theta)
            yield times_roots(roots[start : start + step], j.double()).flatten(0, 1)


def _together(model: ModelObjective, theta: Vector) -> Float[Tensor, "n C P"]:
    """The Jacobian of all outputs of a batch whose examples are coupled by batch normalization."""
    point = theta.detach().requires_grad_()
    outputs = model.outputs(point).flatten(1)
    unit = torch.eye(outputs.numel(), dtype=point.dtype, device=point.device)
    return pulled(outputs.reshape(-1), point, unit, 64).reshape(*outputs.shape, len(theta))


def _solved(matrix: Float[Tensor, "K K"], vector: Float[Tensor, " K"]) -> Float[Tensor, " K"]:
    """Solve M x = v for a positive definite matrix."""
    factor, failed = torch.linalg.cholesky_ex(matrix)
    found = torch.cholesky_solve(vector[:, None], factor)[:, 0]
    return torch.where(failed == 0, found, torch.nan)

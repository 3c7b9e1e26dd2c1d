"""Natural gradient descent: Amari, 1998, Natural Gradient Works Efficiently in Learning.

F is the Fisher matrix of the model's own predictions: the mean of ∇log p ∇log pᵀ over labels that
the model draws. For cross-entropy and for the squared error, as of normal labels, it is the
Gauss-Newton matrix JᵀHJ, J the Jacobian of the outputs and H the Hessian of the loss in them
(Martens, 2020, arXiv:1412.1193, section 9), and as such it is computed, exactly; for other losses
JᵀHJ stands in its place, without what negative curvature H has. The empirical one has the gradients
of the single examples with the labels of the data (Kunstner, Balles, Hennig, 2019,
arXiv:1905.12558).

An objective that is no network is its own output; its F is taken to be the Hessian, and the step
that of Newton's method, damped.

The system is solved exactly in float64: among the P parameters or, where they are fewer, among the
rows of √H J, by the identity of Woodbury.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from landscape_core.curvature.operator import pulled
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import Choice, Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.derivatives import HELD, gradients, jacobians
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.objective import Objective
from landscape_core.training.optimizers._layers import output_roots, rooted
from landscape_core.training.optimizers.base import LEARNING_RATE, Optimizer

LARGEST = 2**27
"""Numbers that the largest matrix, in float64, may have."""


@dataclass(frozen=True, kw_only=True)
class NaturalGradient(Optimizer[None]):
    """The steepest way down, with steps measured by how far they change what the model predicts."""

    label: ClassVar[str] = "Natural gradient"
    family: ClassVar[str] = "second order"
    formula: ClassVar[str] = "θ ← θ − η (F + λI)⁻¹ g,  F = mean over examples of JᵀHJ, or of ggᵀ"
    source: ClassVar[str] = "Amari, 1998, Natural Gradient Works Efficiently in Learning"

    learning_rate: Annotated[float, LEARNING_RATE] = 0.1
    damping: Annotated[
        float, Knob(1e-12, 1e4, "λ added to F; a large one makes it gradient descent", "log")
    ] = 0.01
    fisher: Annotated[
        str,
        Choice(
            ("exact", "empirical"),
            "by the labels that the model itself would draw, or by those of the data",
        ),
    ] = "exact"

    def check_objective(self, objective: Objective) -> None:
        """Refuse more parameters than a dense matrix can have in memory."""
        size = objective.layout.size
        if min(size, self._rows(objective)) * size > LARGEST:
            accepted = f"few enough for a matrix of at most {LARGEST} numbers"
            raise SpecError("the number of parameters for the natural gradient", size, accepted)

    def init(self, theta: Vector) -> None:
        """Nothing is remembered."""

    def step(self, objective: Objective, theta: Vector, memory: None) -> tuple[Vector, None]:
        """One step of size η against (F + λI)⁻¹ g."""
        quiet = objective.still
        g = objective.gradient(theta)
        d = self._divided(quiet, theta, g.double()).to(g.dtype)
        return torch.sub(theta, d, alpha=self.learning_rate), memory

    def _rows(self, objective: Objective) -> int:
        """How many rows U has, where F = UᵀU."""
        if self.fisher == "empirical":
            return objective.examples
        if objective.network is None:
            return objective.layout.size
        one = objective.network.alone().first(1)
        with torch.no_grad():
            return objective.examples * one.outputs(one.start).numel()

    def _divided(self, objective: Objective, theta: Vector, g: Vector) -> Vector:
        """(F + λI)⁻¹ g, in float64; where there is none, as the run has diverged, NaN."""
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
        """U, some rows at a time, in float64."""
        if self.fisher == "empirical" or objective.network is None:
            for rows in gradients(objective, theta):
                yield rows.double() / objective.examples**0.5
            return
        model = objective.network
        roots = output_roots(model, model.outputs(theta.detach())).double()
        step = model.examples if model.normalizes else max(1, HELD // (len(theta) * roots.shape[1]))
        for start in range(0, model.examples, step):
            some = model.between(start, start + step)
            j = _together(some, theta) if model.normalizes else jacobians(some.alone(), theta)
            yield rooted(roots[start : start + step], j.double()).flatten(0, 1)


def _together(model: ModelObjective, theta: Vector) -> Float[Tensor, "n C P"]:
    """The Jacobian of all outputs of examples that know each other, by batch normalization."""
    point = theta.detach().requires_grad_()
    outputs = model.outputs(point).flatten(1)
    unit = torch.eye(outputs.numel(), dtype=point.dtype, device=point.device)
    return pulled(outputs.reshape(-1), point, unit, 64).reshape(*outputs.shape, len(theta))


def _solved(matrix: Float[Tensor, "K K"], vector: Float[Tensor, " K"]) -> Float[Tensor, " K"]:
    """M⁻¹ v of a positive definite matrix."""
    factor, failed = torch.linalg.cholesky_ex(matrix)
    found = torch.cholesky_solve(vector[:, None], factor)[:, 0]
    return torch.where(failed == 0, found, torch.nan)

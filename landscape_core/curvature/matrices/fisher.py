"""The empirical Fisher matrix: Kunstner, Balles, Hennig, 2019, arXiv:1905.12558.

It is the uncentred covariance of the per-example gradients, not the Fisher information, which for
cross-entropy and squared error is the Gauss-Newton matrix. For a loss that is a sum over examples
it is the sum, for a weighted mean the weighted mean.
"""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from torch import Tensor

from landscape_core.curvature.matrices._network import moved_plainly, network, pulled_plainly
from landscape_core.curvature.matrices.base import Matrix, PlainProduct
from landscape_core.curvature.operator import Operator, Product, Sum, pulled, pusher, together
from landscape_core.foundation.types import Vector, Vectors
from landscape_core.models.additivity import kind_of
from landscape_core.models.example_losses import example_losses
from landscape_core.models.loss_weights import Kind
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.objective import Objective
from landscape_core.models.plain_evaluation import PlainEvaluation


@dataclass(frozen=True, kw_only=True)
class Fisher(Matrix):
    """Empirical Fisher: the mean outer product of per-example gradients."""

    label: ClassVar[str] = "empirical Fisher"
    formula: ClassVar[str] = "F = (1/N) Σ gᵢ gᵢᵀ"
    source: ClassVar[str] = "Kunstner, Balles, Hennig, 2019, arXiv:1905.12558"

    def at(self, objective: Objective, theta: Vector) -> Operator:
        model = network(objective, "the empirical Fisher matrix")
        return Sum(model, theta, partial(_product, kind=kind_of(model)))

    def plainly(self, objective: ModelObjective) -> PlainProduct:
        evaluation, kind = PlainEvaluation(objective), kind_of(objective)

        def product(theta: Vector, direction: Vector) -> Vector:
            with evaluation.graph(theta) as (outputs, leaves):
                losses, shares = example_losses(objective, outputs, kind)
                moved = moved_plainly(losses, leaves, direction)
                return pulled_plainly(losses, leaves, moved * shares)

        return product


def _product(objective: Objective, point: Tensor, kind: Kind) -> Product:
    model = network(objective, "the empirical Fisher matrix")
    losses, shares = example_losses(model, model.outputs(point), kind)
    batch = together(objective)
    pushed = pusher(losses, point, batch)

    def product(vectors: Vectors) -> Vectors:
        return pulled(losses, point, pushed(vectors) * shares, batch)

    return product

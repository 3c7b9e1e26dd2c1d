"""Hessian-vector products: Pearlmutter, Fast exact multiplication by the Hessian, 1994."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from landscape_core.curvature.matrices.base import Matrix, PlainProduct
from landscape_core.curvature.operator import Operator, Product, Sum, pulled, together
from landscape_core.foundation.second_order import check_twice
from landscape_core.foundation.types import Vector, Vectors
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.objective import Objective
from landscape_core.models.plain_evaluation import PlainEvaluation


@dataclass(frozen=True, kw_only=True)
class Hessian(Matrix):
    """The matrix of second derivatives of the mean loss."""

    label: ClassVar[str] = "Hessian"
    formula: ClassVar[str] = "H = ∇²L"
    source: ClassVar[str] = "Pearlmutter, 1994, Neural Computation 6(1)"

    def at(self, objective: Objective, theta: Vector) -> Operator:
        return Sum(objective, theta, _product)

    def plainly(self, objective: ModelObjective) -> PlainProduct:
        return PlainEvaluation(objective).hvp


def _product(objective: Objective, point: Tensor) -> Product:
    loss = check_twice(objective.loss(point))
    (gradient,) = torch.autograd.grad(loss, point, create_graph=True)

    batch = together(objective)

    def product(vectors: Vectors) -> Vectors:
        return pulled(gradient, point, vectors, batch)

    return product

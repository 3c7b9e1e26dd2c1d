"""The generalized Gauss-Newton matrix: Schraudolph, 2002; Martens, 2020, arXiv:1412.1193.

For cross-entropy and squared error it is the Fisher information matrix (Martens, 2020, section
9.2).
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from landscape_core.curvature.matrices._network import moved_plainly, network, pulled_plainly
from landscape_core.curvature.matrices.base import Matrix, PlainProduct
from landscape_core.curvature.operator import Operator, Product, Sum, pulled, pusher, together
from landscape_core.foundation.types import Vector, Vectors
from landscape_core.models.loss_function import loss_values
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.objective import Objective
from landscape_core.models.plain_evaluation import PlainEvaluation


@dataclass(frozen=True, kw_only=True)
class GaussNewton(Matrix):
    """Generalized Gauss-Newton matrix; positive semi-definite for a loss convex in outputs."""

    label: ClassVar[str] = "Gauss-Newton"
    formula: ClassVar[str] = (
        "G = Jᵀ H J, J the Jacobian of the outputs, H the Hessian of the loss in the outputs"
    )
    source: ClassVar[str] = "Schraudolph, 2002, Neural Computation 14(7); Martens, arXiv:1412.1193"

    def at(self, objective: Objective, theta: Vector) -> Operator:
        network(objective, "the Gauss-Newton matrix")
        return Sum(objective, theta, _product)

    def plainly(self, objective: ModelObjective) -> PlainProduct:
        evaluation = PlainEvaluation(objective)

        def product(theta: Vector, direction: Vector) -> Vector:
            with evaluation.graph(theta) as (outputs, leaves):
                moved = moved_plainly(outputs, leaves, direction)
                free = outputs.detach().requires_grad_()
                loss = evaluation.loss_of(free)
                (slope,) = torch.autograd.grad(loss, free, create_graph=True)
                if not slope.requires_grad:  # a loss that is linear in the outputs
                    return torch.zeros_like(direction)
                (bent,) = torch.autograd.grad(slope, free, moved)
                return pulled_plainly(outputs, leaves, bent)

        return product


def _product(objective: Objective, point: Tensor) -> Product:
    model = network(objective, "the Gauss-Newton matrix")
    outputs = model.outputs(point)
    free = outputs.detach().requires_grad_()
    loss = loss_values(model.loss_function, free, model.targets).mean()
    (slope,) = torch.autograd.grad(loss, free, create_graph=True)
    batch = together(objective)
    pushed = pusher(outputs, point, batch)

    def product(vectors: Vectors) -> Vectors:
        moved = pushed(vectors)
        bent = pulled(slope, free, moved, batch)
        return pulled(outputs, point, bent, batch)

    return product

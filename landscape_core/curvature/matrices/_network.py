"""Network objectives for matrices that need outputs, and plain Jacobian products."""

from collections.abc import Sequence

import torch
from torch import Tensor

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.second_order import check_twice
from landscape_core.foundation.types import Vector
from landscape_core.models.closure_network import ClosureNetwork
from landscape_core.models.network_evaluation import dense
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.objective import Objective


def network(objective: Objective, what: str) -> ModelObjective:
    """Return the network objective.

    Raises:
        SpecError: the objective is not a network, or has no outputs of one tensor.
    """
    if objective.network is None:
        accepted = f"a network, as {what} is defined by its outputs"
        raise SpecError("objective", type(objective).__name__, accepted)
    if isinstance(objective.network.module, ClosureNetwork):
        accepted = f"hessian, as {what} is defined by outputs that are one tensor"
        raise SpecError("matrix", what, accepted)
    return objective.network


def moved_plainly(outputs: Tensor, leaves: Sequence[Tensor], direction: Vector) -> Tensor:
    """The Jacobian-vector product of outputs (...) with a direction (P,) of all leaves.

    Computed by differentiating the vector-Jacobian product with respect to its vector.
    """
    weights = torch.zeros_like(outputs, requires_grad=True)
    back = torch.autograd.grad(
        check_twice(outputs), leaves, weights, create_graph=True, allow_unused=True
    )
    pieces = direction.split([leaf.numel() for leaf in leaves])
    along = [
        (one * piece.view_as(one)).sum()
        for one, piece in zip(back, pieces, strict=True)
        if one is not None and one.requires_grad
    ]
    if not along:
        return torch.zeros_like(outputs)
    (found,) = torch.autograd.grad(torch.stack(along).sum(), weights, retain_graph=True)
    return found


def pulled_plainly(outputs: Tensor, leaves: Sequence[Tensor], seed: Tensor) -> Vector:
    """The vector-Jacobian product of a cotangent (...) with outputs (...) in all leaves, (P,)."""
    found = torch.autograd.grad(outputs, leaves, seed, allow_unused=True, materialize_grads=True)
    return torch.cat([dense(one).reshape(-1) for one in found])

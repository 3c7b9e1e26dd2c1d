"""The objective of a network, for matrices that need its outputs, and how these move plainly."""

from collections.abc import Sequence

import torch
from torch import Tensor

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.types import Vector
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.objective import Objective


def network(objective: Objective, what: str) -> ModelObjective:
    """The same objective, known to have outputs.

    Raises:
        SpecError: it has none.
    """
    if objective.network is None:
        accepted = f"a network's objective, as {what} is made of the outputs"
        raise SpecError("objective", type(objective).__name__, accepted)
    return objective.network


def moved_plainly(outputs: Tensor, leaves: Sequence[Tensor], direction: Vector) -> Tensor:
    """How outputs (...) move along a direction (P,) of all leaves laid end to end.

    By differentiating their vector-Jacobian product, which is linear in its vector, by that.
    """
    weights = torch.zeros_like(outputs, requires_grad=True)
    back = torch.autograd.grad(outputs, leaves, weights, create_graph=True, allow_unused=True)
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
    """The product of a seed (...) with the Jacobian of outputs (...) by all leaves, (P,)."""
    found = torch.autograd.grad(outputs, leaves, seed, allow_unused=True, materialize_grads=True)
    return torch.cat([one.reshape(-1) for one in found])

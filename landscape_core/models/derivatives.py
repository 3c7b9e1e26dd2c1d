"""Derivatives for each example by itself: together by `torch.func`, or one after another.

Not all that networks do can be batched or differentiated by `torch.func`; plain autograd then does
the same example by example.
"""

from collections.abc import Callable, Iterator

import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import grad, jacrev, vmap

from landscape_core.foundation.precision import full_precision
from landscape_core.foundation.types import Vector
from landscape_core.models.loss_function import Weighted, loss_values
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.objective import Objective

HELD = 2**25
"""Numbers that derivatives held at once may have, about."""


def gradients(objective: Objective, theta: Vector) -> Iterator[Float[Tensor, "n P"]]:
    """The gradient of each example's loss at theta, some examples at a time, detached.

    Each example is treated by itself, with the statistics that batch normalization has stored: in a
    batch that shares its statistics no example has a gradient of its own.
    """
    if objective.network is None:
        for i in range(objective.examples):
            yield objective.minibatch(torch.tensor([i])).gradient(theta)[None]
        return
    part = objective.network.alone()
    step = max(1, HELD // len(theta))
    for start in range(0, part.examples, step):
        some, weights = part.between(start, start + step), None
        if isinstance(some.loss_function, Weighted):
            weights = some.loss_function.weights
            some = some.with_loss(some.loss_function.loss_function)
        rows = _gradients(some, theta)
        if part.field is not None:
            singles = [some.between(i, i + 1) for i in range(some.examples)]
            pairs = zip(singles, rows, strict=True)
            rows = torch.stack([part.field(one, theta, row) for one, row in pairs])
        yield rows if weights is None else weights[:, None] * rows


def _gradients(part: ModelObjective, theta: Vector) -> Float[Tensor, "n P"]:
    part.outputs(theta, part.inputs[:1])  # sets the mode of the network
    point = theta.detach()

    def loss(at: Tensor, x: Tensor, y: Tensor) -> Tensor:
        return loss_values(part.loss_function, part.outputs(at, x[None]), y[None]).mean()

    def alone(x: Tensor, y: Tensor) -> Tensor:
        at = point.clone().requires_grad_()
        return torch.autograd.grad(loss(at, x, y), at)[0]

    pair = part.inputs, part.targets
    return _each(lambda x, y: grad(loss)(point, x, y), alone, *pair).detach()


def jacobians(part: ModelObjective, theta: Vector) -> Float[Tensor, "n C P"]:
    """The derivative of each example's outputs, laid end to end, by the parameters, detached."""
    part.outputs(theta, part.inputs[:1])
    point = theta.detach()

    def outputs(at: Tensor, x: Tensor) -> Tensor:
        return part.outputs(at, x[None]).reshape(-1)

    def alone(x: Tensor) -> Tensor:
        return torch.autograd.functional.jacobian(lambda at: outputs(at, x), point)

    return _each(lambda x: jacrev(outputs)(point, x), alone, part.inputs).detach()


def input_jacobians(part: ModelObjective, theta: Vector) -> Float[Tensor, "n C D"]:
    """The derivative of each example's outputs by its inputs, both laid end to end, detached."""
    part.outputs(theta, part.inputs[:1])
    point = theta.detach()

    def outputs(x: Tensor) -> Tensor:
        return part.outputs(point, x[None]).reshape(-1)

    def alone(x: Tensor) -> Tensor:
        return torch.autograd.functional.jacobian(outputs, x)

    return _each(jacrev(outputs), alone, part.inputs).flatten(start_dim=2).detach()


def _each(
    together: Callable[..., Tensor], alone: Callable[..., Tensor], *columns: Tensor
) -> Tensor:
    """The function of each row of the columns, stacked."""
    with full_precision(columns[0].device):
        try:
            return vmap(together)(*columns)
        except RuntimeError:  # an operation that cannot be batched
            return torch.stack([alone(*row) for row in zip(*columns, strict=True)])

"""The loss of each example, also of a loss that gives one number for all of them."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import vmap

from landscape_core.foundation.errors import SpecError
from landscape_core.models.loss_function import LossFunction, loss_values
from landscape_core.models.loss_weights import Kind, shares_of
from landscape_core.models.network_objective import ModelObjective

ACCEPTED = "one value per example, for instance with reduction='none', or a mean or sum of such"


def example_losses(
    objective: ModelObjective, outputs: Tensor, kind: Kind
) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
    """The losses l of the examples that count, and their shares p in the whole, L = sum of p l.

    Where the loss gives one number, it is asked for each example by itself.

    Args:
        objective: the examples and their loss.
        outputs: the network's, (N, ...).
        kind: how the loss adds up.

    Raises:
        SpecError: the examples have no losses of their own that add up to the whole.
    """
    loss, targets = objective.loss_function, objective.targets
    whole = loss_values(loss, outputs, targets)
    if whole.ndim and len(whole) == len(targets):
        found = whole.flatten(start_dim=1).mean(dim=1) if whole.ndim > 1 else whole
        return found, torch.full_like(found.detach(), 1 / len(found))
    if kind == "neither" or len(outputs) != len(targets):
        raise SpecError("what the loss gives", f"shape {tuple(whole.shape)}", ACCEPTED)
    shares = shares_of(objective, kind)
    counted = shares > 0
    found = _singles(loss, outputs[counted], targets[counted])
    shares = shares[counted].to(found)
    made = (found.detach() * shares).sum()
    near = float(torch.finfo(found.dtype).eps) ** 0.5 * float((found.detach() * shares).abs().sum())
    if not torch.isclose(made, whole.detach().mean(), rtol=0.0, atol=near):
        raise SpecError("what the loss gives", f"shape {tuple(whole.shape)}", ACCEPTED)
    return found, shares


def _singles(loss: LossFunction, outputs: Tensor, targets: Tensor) -> Float[Tensor, " n"]:
    def alone(one: Tensor, target: Tensor) -> Tensor:
        return loss_values(loss, one[None], target[None]).mean()

    try:
        return vmap(alone)(outputs, targets)
    except RuntimeError:  # an operation that cannot be batched
        return torch.stack([alone(*pair) for pair in zip(outputs, targets, strict=True)])

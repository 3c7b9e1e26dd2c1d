"""What the loss of a part of the data, or of one example, counts in the loss of all."""

from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, nll_loss

from landscape_core.models.loss_function import LossFunction, Weighted
from landscape_core.models.losses.base import Loss
from landscape_core.models.network_objective import ModelObjective

IGNORED = -100
"""The target that torch's functions leave out by default."""

Kind = Literal["mean", "sum", "weighted mean", "neither"]
"""How the losses of parts add up to that of the whole."""


def weights_of(
    objective: ModelObjective, parts: Sequence[ModelObjective], kind: Kind
) -> list[float]:
    """How much the loss of each part counts in that of the whole."""
    if kind == "mean":
        return [part.examples / objective.examples for part in parts]
    if kind == "weighted mean":
        whole = normalizer(objective) or 1.0
        return [(normalizer(part) or 0.0) / whole for part in parts]
    return [1.0] * len(parts)


def shares_of(objective: ModelObjective, kind: Kind) -> Float[Tensor, " N"]:
    """How much the loss of each example by itself counts in that of all."""
    count = objective.examples
    even = torch.ones(count, dtype=torch.float64, device=objective.targets.device)
    if kind == "mean":
        return even / count
    counted = _counted(objective) if kind == "weighted mean" else None
    return even if counted is None else counted / counted.sum()


def normalizer(objective: ModelObjective) -> float | None:
    """What torch's cross-entropy divides by: the weights of the targets that count; None of others.

    Of an example with several targets all count.
    """
    counted = _counted(objective)
    return None if counted is None else float(counted.sum())


def uneven(objective: ModelObjective) -> Float[Tensor, " N"] | None:
    """What each example counts in torch's cross-entropy, unless all count alike."""
    counted = _counted(objective)
    return None if counted is None or bool((counted == counted[0]).all()) else counted


def is_mean(loss: LossFunction) -> bool:
    """Whether it is one of the catalogue, each of which gives a number for each example."""
    return isinstance(loss.loss_function if isinstance(loss, Weighted) else loss, Loss)


def _counted(objective: ModelObjective) -> Float[Tensor, " N"] | None:
    """The weights of each example's targets that count, summed."""
    loss, targets = objective.loss_function, objective.targets
    known = type(loss) in (nn.CrossEntropyLoss, nn.NLLLoss)
    if targets.is_floating_point() or not (known or loss in (cross_entropy, nll_loss)):
        return None
    if known and getattr(loss, "reduction", "") != "mean":
        return None
    counts = targets != getattr(loss, "ignore_index", IGNORED)
    weight: Tensor | None = getattr(loss, "weight", None)
    if weight is None:
        found = counts.double()
    else:
        found = torch.where(counts, weight[torch.where(counts, targets, 0)], 0).double()
    return found.reshape(len(targets), -1).sum(dim=1)

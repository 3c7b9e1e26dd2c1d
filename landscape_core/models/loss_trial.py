"""How the loss of outputs adds up over examples, by splits of a few of them."""

import contextlib
from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from landscape_core.foundation import random_streams
from landscape_core.models.gradient_mode import without_gradients
from landscape_core.models.loss_conversion import loss_on
from landscape_core.models.loss_function import loss_values
from landscape_core.models.loss_weights import Kind, is_mean, weights_of
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.trial_examples import alike, draws, largest, near_for, splits_of
from landscape_core.models.trial_points import places

Pairs = Sequence[tuple[ModelObjective, Tensor]]
"""Parts of the data, each with the indices of its examples."""


def kind_of_few(few: ModelObjective, *, even: bool) -> tuple[Kind, bool]:
    """How the loss of outputs adds up, whatever network gave them, and whether it is random.

    Args:
        few: the examples on which is tried.
        even: whether all targets count alike, as far as is known.
    """
    if few.examples == 1 or is_mean(few.loss_function):
        return "mean", False
    outputs = [without_gradients(partial(few.outputs, theta)) for theta in places(few.start)]
    splits = [[(few.reordered(part), part) for part in split] for split in splits_of(few)]
    for found in outputs:
        if draws(partial(_value, few, found), few):
            return "neither", True
        if len(found) % few.examples:
            return "neither", False
    kinds: list[Kind] = ["mean", "sum"] if even else ["weighted mean"]
    for found in outputs:
        kinds = [kind for kind in kinds if all(adds_up(few, found, one, kind) for one in splits)]
    if len(kinds) > 1:  # a loss that is 0 wherever it is tried says nothing
        kinds = _told_apart(few, outputs[0], splits)
    return kinds[0] if len(kinds) == 1 else "neither", False


def adds_up(
    whole: ModelObjective,
    outputs: Tensor,
    pairs: Pairs,
    kind: Kind,
) -> bool:
    """Whether parts, each with its indices, make up a loss of outputs, its slope and its bend.

    An example may have several rows of outputs in succession.
    """
    rows = outputs.reshape(whole.examples, -1)
    direction = torch.randn(rows.shape, generator=random_streams.stream(0, "bend")).to(rows)
    value, *others = _response(whole, outputs, direction)
    weights = weights_of(whole, [part for part, _ in pairs], kind)
    total, size = torch.zeros_like(value), value.abs()
    made = [torch.zeros_like(one) for one in others]
    for (part, index), weight in zip(pairs, weights, strict=True):
        if not weight:
            continue
        some = rows[index].reshape(-1, *outputs.shape[1:])
        try:
            found, *rest = _response(part, some, direction[index])
        except Exception:  # it cannot do with fewer
            return False
        total, size = total + weight * found, size + abs(weight) * found.abs()
        for one, piece in zip(made, rest, strict=True):
            one[index] = weight * piece
    near = near_for(value.dtype)
    return alike(total, value, near * largest(size)) and all(
        alike(one, other, near * largest(other)) for one, other in zip(made, others, strict=True)
    )


def _told_apart(few: ModelObjective, outputs: Tensor, splits: Sequence[Pairs]) -> list[Kind]:
    """The kinds that remain where other outputs are tried than the network gives."""
    rng = random_streams.stream(0, "outputs")
    drawn = torch.randn(outputs.shape, generator=rng).to(outputs)
    kinds: list[Kind] = ["mean", "sum"]
    with contextlib.suppress(Exception):  # not all numbers are outputs
        for size in (1.0, 10.0):
            moved = outputs + size * max(1.0, largest(outputs)) * drawn
            kinds = [kind for kind in kinds if all(adds_up(few, moved, p, kind) for p in splits)]
    return kinds


def _response(
    part: ModelObjective, outputs: Tensor, direction: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The loss of outputs (n r, ...), its slope (n, m) and how that changes in a direction (n, m).

    In double precision where the loss allows it.
    """
    free = outputs.detach().double().requires_grad_()
    try:
        value = _value(part, free, torch.float64)
    except Exception:  # code that names its own precision
        free = outputs.detach().clone().requires_grad_()
        value = _value(part, free)
    none = torch.zeros_like(free).reshape(direction.shape)
    if not value.requires_grad:
        return value, none, none
    (slope,) = torch.autograd.grad(value, free, create_graph=True)
    bent = none
    if slope.requires_grad:
        moved = direction.reshape(slope.shape).to(slope)
        with contextlib.suppress(RuntimeError):  # not all of torch can be differentiated twice
            bent = torch.autograd.grad(slope, free, moved)[0].reshape(none.shape)
    return value.detach(), slope.detach().reshape(none.shape), bent


def _value(part: ModelObjective, outputs: Tensor, kind: torch.dtype | None = None) -> Tensor:
    """The loss of outputs, in a precision of its own if one is given."""
    loss, targets = part.loss_function, part.targets
    if kind is not None:
        loss = loss_on(loss, outputs.device, kind)
        targets = targets.to(kind) if targets.is_floating_point() else targets
    return loss_values(loss, outputs, targets).mean()

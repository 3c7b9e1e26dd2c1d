"""How a loss adds up over examples, and whether a network couples them: found out by trying.

Data can be gone through in parts only where the loss of the whole is a weighted sum of those of the
parts. That of a mean weighs parts by their examples, that of a sum weighs all alike, and torch's
cross-entropy with class weights or ignored targets by the weights of the targets that count. A
network couples examples that see each other, as in batch normalization without running statistics
or in attention across the batch; a loss does where it is none of these sums, as contrastive losses.
Of such all data are needed at once.
"""

import contextlib
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, nll_loss

from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.memory import free_memory
from landscape_core.foundation.precision import full_precision
from landscape_core.foundation.types import Vector
from landscape_core.models.generators import drawn_since, kept_generators, states
from landscape_core.models.graph_memory import bytes_per_example
from landscape_core.models.losses.base import Loss
from landscape_core.models.notices import unheard
from landscape_core.models.objective import LossFunction, ModelObjective, Weighted, _loss_on

TRIED, SPLITS = 32, 3
"""Examples on which is tried, drawn at random, and in how many ways these are divided."""

UNASKED = 256
"""Examples up to which nobody asks whether their graph fits into memory."""

PARTIAL = (
    "This is of the loss of {} of {} examples, and no estimate of that of all: this loss is no mean"
    " over examples, or the network couples them."
)

IGNORED = -100
"""The target that torch's functions leave out by default."""

Kind = Literal["mean", "sum", "weighted mean", "neither"]


Pairs = Sequence[tuple[ModelObjective, Tensor]]
"""Parts of the data, each with the indices of its examples."""


@dataclass(frozen=True)
class Additivity:
    """How the loss adds up over examples, and whether the network couples these."""

    loss: Kind
    coupled: bool

    @property
    def separable(self) -> bool:
        """Whether data can be gone through in parts."""
        return self.loss != "neither" and not self.coupled

    def __str__(self) -> str:
        """In words, as results state it."""
        return f"{self.loss}; the network couples examples" if self.coupled else self.loss


def additivity(objective: ModelObjective) -> Additivity:
    """How an objective adds up, by random unequal splits of a few examples at two places.

    What draws random numbers is never the same twice, and counts as coupled.
    """
    with _undisturbed(objective):
        few = _sample(objective)
        return Additivity(_kind(few, even=_uneven(objective) is None), _couples(few))


def stated(part: ModelObjective, *, of: int) -> dict[str, Any]:
    """What results on some of so many examples state of them and of how their losses add up."""
    found = additivity(part)
    _warn(found, part.examples, of, stacklevel=4)
    return {"additivity": str(found), "examples": part.examples, "examples_of": of}


def warn_of_partial(part: ModelObjective, *, of: int) -> None:
    """Warn where some of so many examples say nothing of all of them."""
    if part.examples < of:
        _warn(additivity(part), part.examples, of, stacklevel=4)


def _warn(found: Additivity, examples: int, of: int, *, stacklevel: int) -> None:
    if examples < of and (found.coupled or found.loss in ("sum", "neither")):
        warnings.warn(PARTIAL.format(examples, of), stacklevel=stacklevel)


def couples(objective: ModelObjective) -> bool:
    """Whether an example's outputs depend on those that are evaluated with it, by such a trial."""
    with _undisturbed(objective):
        return _couples(_sample(objective))


def kind_of(objective: ModelObjective) -> Kind:
    """How the loss adds up, whether or not the network couples examples, by such a trial."""
    if _is_mean(objective.loss_function):
        return "mean"
    with _undisturbed(objective):
        return _kind(_sample(objective), even=_uneven(objective) is None)


def places(objective: ModelObjective) -> list[Vector]:
    """Two points at which to try what must hold at all: the start, and one as far from zero.

    The start alone may be special: where the last layer begins at zero, all examples look alike.
    """
    start = objective.start.detach()
    drawn = torch.randn(len(start), generator=random_streams.stream(0, "places")).to(start)
    return [start, start + drawn * start.square().mean().sqrt().clamp_min(1e-2)]


def parts_of(objective: ModelObjective, size: int) -> list[tuple[ModelObjective, float]]:
    """Parts of so many examples and their weights in the loss, or all at once with weight 1.

    That the parts give the loss and its slope in the outputs is verified on these very parts.

    Raises:
        SpecError: what is needed at once does not fit into memory.
    """
    count = objective.examples
    if count <= size and (count <= UNASKED or fits(objective)):
        return [(objective, 1.0)]
    found = additivity(objective)
    while found.separable and size > 1 and not fits(objective.first(size)):
        size //= 2
    parts = [objective.between(start, start + size) for start in range(0, count, size)]
    if found.separable and _verified(objective, parts, found.loss):
        weights = weights_of(objective, parts, found.loss)
        return [(part, weight) for part, weight in zip(parts, weights, strict=True) if weight]
    if not fits(objective):
        raise _too_large(objective, found)
    return [(objective, 1.0)]


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


def graph_memory(objective: ModelObjective) -> int:
    """The bytes that the graph of all examples takes, about."""
    return bytes_per_example(objective, gradient=True) * objective.examples


def fits(objective: ModelObjective) -> bool:
    """Whether the graph of all examples fits into the memory that is free."""
    return graph_memory(objective) <= free_memory(objective.start.device)


def _too_large(objective: ModelObjective, found: Additivity) -> SpecError:
    needed, free = graph_memory(objective), free_memory(objective.start.device)
    told = (
        f"all {objective.examples} examples at once would take {needed} bytes, and {free} bytes"
        " are free"
    )
    if found.coupled:
        accepted = f"one that treats each example by itself: {told}"
        return SpecError("model", type(objective.module).__name__, accepted)
    loss = objective.loss_function
    name = getattr(loss, "__name__", type(loss).__name__)
    return SpecError("loss", name, f"a mean or a sum over examples: {told}")


@contextlib.contextmanager
def _undisturbed(objective: ModelObjective) -> Iterator[None]:
    """Leave the random numbers of others as they would have been, and tell no warnings twice."""
    device = objective.start.device
    with kept_generators(device), full_precision(device), unheard(), torch.enable_grad():
        yield


def _sample(objective: ModelObjective) -> ModelObjective:
    """A few examples drawn at random, in double precision where network and loss allow it."""
    rng = random_streams.stream(0, "additivity")
    order = torch.randperm(objective.examples, generator=rng).to(objective.targets.device)
    counted = _uneven(objective)
    if counted is not None:  # where most are ignored, some that count are tried all the same
        counts = counted[order] > 0
        order = torch.cat([order[counts][: TRIED - TRIED // 4], order[~counts]])
    few = objective.still.reordered(order[:TRIED].to(objective.inputs.device))
    if few.batch_norm == "reestimated":
        few = few.with_batch_norm("running")  # from other examples than these in any case
    return _in_double(few.with_reference(few.inputs))


def _uneven(objective: ModelObjective) -> Float[Tensor, " N"] | None:
    """What each example counts in torch's cross-entropy, unless all count alike."""
    counted = _counted(objective)
    return None if counted is None or bool((counted == counted[0]).all()) else counted


def _in_double(few: ModelObjective) -> ModelObjective:
    """The objective in double precision, or itself, where its code names another."""
    if few.start.dtype == torch.float64 or few.start.device.type == "mps":
        return few
    try:
        part = few.in_double()
        return part if part.loss(part.start).dtype == torch.float64 else few
    except Exception:  # of what users write
        return few


def _couples(few: ModelObjective) -> bool:
    """Whether outputs change with the company that examples have, or with each evaluation."""
    if few.normalizes and (few.batch_norm == "batch" or few._updates_statistics):
        return True
    with torch.no_grad():
        for theta in places(few):
            whole = few.outputs(theta)
            if len(whole) % few.examples or _draws(partial(few.outputs, theta), few):
                return True
            rows = whole.reshape(few.examples, -1)
            near = _near(whole.dtype) * _size(whole)
            for part in (part for split in _splits(few) for part in split):
                try:
                    alone = few.reordered(part).outputs(theta)
                except Exception:  # it cannot do with fewer
                    return True
                expected = rows[part]
                if alone.numel() != expected.numel():
                    return True
                if not _alike(alone.reshape(expected.shape), expected, near):
                    return True
    return False


def _kind(few: ModelObjective, *, even: bool) -> Kind:
    """How the loss of outputs adds up, whatever network gave them.

    Args:
        few: the examples on which is tried.
        even: whether all targets count alike, as far as is known.
    """
    if few.examples == 1 or _is_mean(few.loss_function):
        return "mean"
    with torch.no_grad():
        outputs = [few.outputs(theta) for theta in places(few)]
    splits = [[(few.reordered(part), part) for part in split] for split in _splits(few)]
    for found in outputs:
        if len(found) % few.examples or _draws(partial(_value, few, found), few):
            return "neither"
    kinds: list[Kind] = ["mean", "sum"] if even else ["weighted mean"]
    for found in outputs:
        kinds = [kind for kind in kinds if all(_adds_up(few, found, one, kind) for one in splits)]
    if len(kinds) > 1:  # a loss that is 0 wherever it is tried says nothing
        kinds = _told_apart(few, outputs[0], splits)
    return kinds[0] if len(kinds) == 1 else "neither"


def _told_apart(few: ModelObjective, outputs: Tensor, splits: Sequence[Pairs]) -> list[Kind]:
    """The kinds that remain where other outputs are tried than the network gives."""
    rng = random_streams.stream(0, "outputs")
    drawn = torch.randn(outputs.shape, generator=rng).to(outputs)
    kinds: list[Kind] = ["mean", "sum"]
    with contextlib.suppress(Exception):  # not all numbers are outputs
        for size in (1.0, 10.0):
            moved = outputs + size * max(1.0, _size(outputs)) * drawn
            kinds = [kind for kind in kinds if all(_adds_up(few, moved, p, kind) for p in splits)]
    return kinds


def _is_mean(loss: LossFunction) -> bool:
    """Whether it is one of the catalogue, each of which gives a number for each example."""
    return isinstance(loss.loss_function if isinstance(loss, Weighted) else loss, Loss)


def _verified(objective: ModelObjective, parts: Sequence[ModelObjective], kind: Kind) -> bool:
    """Whether these very parts make up the loss."""
    if _is_mean(objective.loss_function):
        return True
    order = torch.arange(objective.examples, device=objective.inputs.device)
    pieces = order.split([part.examples for part in parts])
    pairs = list(zip(parts, pieces, strict=True))
    with _undisturbed(objective):
        for theta in places(objective):
            with torch.no_grad():
                outputs = torch.cat([part.outputs(theta) for part in parts])
            if len(outputs) % objective.examples or not _adds_up(objective, outputs, pairs, kind):
                return False
    return True


def _adds_up(
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
    near = _near(value.dtype)
    return _alike(total, value, near * _size(size)) and all(
        _alike(one, other, near * _size(other)) for one, other in zip(made, others, strict=True)
    )


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
        loss = _loss_on(loss, outputs.device, kind)
        targets = targets.to(kind) if targets.is_floating_point() else targets
    return loss(outputs, targets).mean()


def _splits(few: ModelObjective) -> list[list[Tensor]]:
    """Ways to divide examples at random into two or three parts of unequal size, as indices."""
    rng, count = random_streams.stream(0, "splits"), few.examples
    found = []
    for _ in range(SPLITS):
        order = torch.randperm(count, generator=rng).to(few.inputs.device)
        first = int(torch.randint(1, max(2, count // 3), (1,), generator=rng))
        second = min(count - first, first + 1 + int(torch.randint(0, 3, (1,), generator=rng)))
        sizes = [size for size in (first, second, count - first - second) if size]
        found.append(list(order.split(sizes)))
    return found


def _draws(function: Callable[[], Tensor], few: ModelObjective) -> bool:
    """Whether a function draws random numbers, or for another reason is not the same twice."""
    device = few.start.device
    before = states(device)
    first = function()
    drew = bool(drawn_since(before, device))
    return drew or not _alike(first, function(), _near(first.dtype) * _size(first))


def _alike(one: Tensor, other: Tensor, near: float) -> bool:
    return torch.allclose(one, other, rtol=0.0, atol=near, equal_nan=True)


def _near(kind: torch.dtype) -> float:
    """How near two numbers of size 1 must be that should be the same but for rounding."""
    return 1e-9 if kind == torch.float64 else float(torch.finfo(kind).eps) ** 0.5


def _size(found: Tensor) -> float:
    return float(found.abs().nan_to_num(0.0, posinf=0.0).max()) if found.numel() else 0.0

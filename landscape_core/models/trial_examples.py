"""A few examples on which it is tried how a loss adds up, and what is needed to compare them."""

import contextlib
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from landscape_core.foundation import random_streams
from landscape_core.foundation.precision import full_precision
from landscape_core.models.generators import OWN, drawn_since, kept_generators, recurring, states
from landscape_core.models.loss_weights import uneven
from landscape_core.models.module_state import ModuleState, as_given
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.notices import unheard

TRIED, SPLITS = 32, 3
"""Examples on which is tried, drawn at random, and in how many ways these are divided."""


@contextlib.contextmanager
def undisturbed(objective: ModelObjective) -> Iterator[None]:
    """Leave the random numbers of others as they would have been, and tell no warnings twice."""
    device = objective.start.device
    whole = objective.module, objective.loss_function, objective.adapter
    with (
        kept_generators(device),
        full_precision(device),
        unheard(),
        as_given(*whole),
        torch.enable_grad(),
    ):
        yield


def sample_of(objective: ModelObjective) -> ModelObjective:
    """A few examples drawn at random, in double precision where network and loss allow it."""
    rng = random_streams.stream(0, "additivity")
    order = torch.randperm(objective.examples, generator=rng).to(objective.targets.device)
    counted = uneven(objective)
    if counted is not None:  # where most are ignored, some that count are tried all the same
        counts = counted[order] > 0
        order = torch.cat([order[counts][: TRIED - TRIED // 4], order[~counts]])
    few = objective.still.reordered(order[:TRIED].to(objective.inputs.device))
    if few.batch_norm == "reestimated":
        few = few.with_batch_norm("running")  # from other examples than these in any case
    return _in_double(few.with_reference(few.inputs))


def _in_double(few: ModelObjective) -> ModelObjective:
    """The objective in double precision, or itself, where its code names another."""
    if few.start.dtype == torch.float64 or few.start.device.type == "mps":
        return few
    try:
        part = few.in_double()
        return part if part.loss(part.start).dtype == torch.float64 else few
    except Exception:  # of what users write
        return few


def splits_of(few: ModelObjective) -> list[list[Tensor]]:
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


def draws(function: Callable[[], Tensor], few: ModelObjective) -> bool:
    """Whether a function draws random numbers, or for another reason is not the same twice."""
    device, state = few.start.device, ModuleState(few.loss_function)

    def drawn() -> tuple[Tensor, set[str]]:
        before = states(device)
        value = function()
        found = drawn_since(before, device) | ({OWN} if state.drawn() else set())
        state.restore()
        return value, found

    first, seen = drawn()
    if recurring(seen, lambda: drawn()[1]):
        return True
    return not alike(first, drawn()[0], near_for(first.dtype) * largest(first))


def alike(one: Tensor, other: Tensor, near: float) -> bool:
    """Whether two tensors are the same but for so much; NaN is like NaN."""
    return torch.allclose(one, other, rtol=0.0, atol=near, equal_nan=True)


def near_for(kind: torch.dtype) -> float:
    """How near two numbers of size 1 must be that should be the same but for rounding."""
    return 1e-9 if kind == torch.float64 else float(torch.finfo(kind).eps) ** 0.5


def largest(found: Tensor) -> float:
    """The largest size of an entry, 0 where there is none; what is not finite does not count."""
    return float(found.abs().nan_to_num(0.0, posinf=0.0).max()) if found.numel() else 0.0


def same_bits(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors are the same to the bit, but for NaN."""
    if one.is_meta:  # which holds nothing
        return True
    pairs = one.double().numpy(force=True), other.double().numpy(force=True)
    return np.array_equal(*pairs, equal_nan=True)

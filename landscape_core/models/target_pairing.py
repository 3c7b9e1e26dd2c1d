"""Whether a loss compares each output with its own target, or every one with every other.

Outputs (N, 1) less targets (N,) are an array (N, N): torch broadcasts them without an error, and
the mean over all pairs is taken for the loss.
"""

from collections.abc import Callable
from itertools import product
from typing import Any

import torch
from torch import Tensor, nn

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.precision import full_precision
from landscape_core.models.closure_network import Given
from landscape_core.models.copying import copied
from landscape_core.models.generators import kept_generators
from landscape_core.models.gradient_mode import without_gradients
from landscape_core.models.known_loss import fresh_outputs, with_known_loss
from landscape_core.models.loss_function import LossFunction, as_values
from landscape_core.models.loss_of_outputs import LossOfOutputs, called
from landscape_core.models.losses.base import Loss
from landscape_core.models.module_state import as_given
from landscape_core.models.nested_batches import arrays_in, mapped
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.notices import unheard

TRIED, READ = 4, 32
"""Examples of which all pairs are tried, and among how many they are chosen."""

NEAR = 1e-4
"""How near two losses are that are the same but for rounding, relative to the larger one."""

MEANT = (
    "of the shape of the outputs, {0}: the loss compares every output with every target, as shapes"
    " are broadcast, not each with its own; give {1}, or objective= if this is meant"
)

BY_BATCH = "targets{0}, of a loader by batch=lambda b: (b[0], b[1]{0})"


def paired(part: ModelObjective) -> ModelObjective:
    """An objective of outputs of one tensor, its loss recognized where it is known.

    Raises:
        SpecError: its loss compares every output with every target; names both shapes and the
            remedy.
    """
    known = with_known_loss(part)
    index = _different(part.targets) if known is part else []
    loss = part.loss_function
    if len(index) < (1 if isinstance(loss, Loss) else 2):
        return known
    device, whole = part.start.device, (part.module, part.loss_function, part.adapter)
    few = part.reordered(torch.tensor(index, device=part.inputs.device))
    with kept_generators(device), full_precision(device), unheard(), as_given(*whole):
        try:
            outputs = fresh_outputs(few)
        except Exception:  # of what users write; the evaluation will tell
            return known
        if isinstance(loss, Loss):
            loss.check_targets(part.targets, outputs)
        _check(loss, outputs, few.targets, part.examples)
    return known


def check_closure_pairing(model: nn.Module, loss: LossOfOutputs, given: Given) -> None:
    """Refuse such targets, one of several perhaps, of a loss of several inputs or outputs.

    Raises:
        SpecError: as above.
    """
    (pair,) = given.batches
    first = next(arrays_in(pair[1]), None)
    index = _different(first) if isinstance(first, Tensor) and given.examples is not None else []
    if first is None or len(index) < 2:
        return
    some = torch.tensor(index, device=first.device)
    few, labels = (mapped(part, lambda one: one[some.to(one.device)]) for part in pair)
    device, given_parts = first.device, as_given(model, loss)
    with kept_generators(device), full_precision(device), unheard(), given_parts:
        try:
            own = copied(model).eval()
            found = without_gradients(lambda: called(own, few))
            outputs = found if loss.adapter is None else loss.adapter(found)
        except Exception:  # of what users write; the evaluation has told
            return
        _check(loss.loss, outputs, labels, given.examples or len(first))


def _check(loss: LossFunction, outputs: Any, targets: Any, examples: int) -> None:
    """Refuse targets, in a tuple or mapping perhaps, that a loss compares with every output.

    Raises:
        SpecError: as above.
    """
    for one, other in product(arrays_in(targets), arrays_in(outputs)):
        if not _broadcast(other, one):
            continue
        right = one.reshape(other.shape).to(other)
        perfect = _replaced(outputs, other, right)  # outputs that are all equal say nothing
        if any(_compares_all(loss, found, targets, one) for found in (outputs, perfect)):
            change = "[:, None]" if other.ndim > one.ndim else ".squeeze(1)"
            remedy = BY_BATCH.format(change) if one is targets else f"these targets{change}"
            shape, shown = (f"{(examples, *part.shape[1:])}" for part in (other, one))
            raise SpecError("targets", f"shape {shown}", MEANT.format(shape, remedy))


def _broadcast(outputs: Tensor, targets: Tensor) -> bool:
    """Whether outputs are (N, 1, ...) and targets (N, ...), or the other way round."""
    longer, shorter = sorted((outputs.shape, targets.shape), key=len, reverse=True)
    return len(shorter) > 0 and longer == (shorter[0], 1, *shorter[1:])


def _replaced(outputs: Any, one: Tensor, other: Tensor) -> Any:
    """What a network gives with another tensor in the place of one."""
    return mapped(outputs, lambda found: other if found is one else found)


def _different(targets: Tensor) -> list[int]:
    """A few examples whose targets differ, as far as there are such."""
    found: list[int] = []
    for at in range(min(READ, len(targets))):
        if not any(torch.equal(targets[at], targets[one]) for one in found):
            found.append(at)
    return found[:TRIED]


def _compares_all(loss: LossFunction, outputs: Any, targets: Any, one: Tensor) -> bool:
    """Whether a loss of several examples is the mean, or sum, of that of all pairs of them.

    Those of outputs and of one of the targets; others stay with their outputs.
    """

    def value(some: slice, others: slice) -> float:
        taken = mapped(outputs, lambda found: found[some].clone())
        labels = mapped(targets, lambda found: found[others if found is one else some].clone())
        return float(without_gradients(lambda: as_values(loss(taken, labels), loss).mean()))

    each = [slice(at, at + 1) for at in range(len(one))]
    try:
        whole = value(slice(None), slice(None))
        table = torch.tensor([[value(row, column) for column in each] for row in each])
    except Exception:  # it cannot do with fewer, or the evaluation will tell
        return False
    return any(_same(whole, kind(table)) for kind in KINDS) and not any(
        _same(whole, kind(table.diagonal())) for kind in KINDS
    )


KINDS: tuple[Callable[[Tensor], Tensor], ...] = (
    lambda losses: losses.mean(),
    lambda losses: losses.sum(),
    lambda losses: losses.square().mean().sqrt(),
)
"""How losses of single examples make up that of several: a mean, a sum, a root mean square."""


def _same(one: float, other: Tensor) -> bool:
    return abs(one - float(other)) <= NEAR * max(abs(one), abs(float(other)))

"""Whether a loss compares each output with its own target, or every one with every other.

Outputs (N, 1) less targets (N,) are an array (N, N): torch broadcasts them without an error, and
the mean over all pairs is taken for the loss.
"""

from collections.abc import Callable
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
from landscape_core.models.loss_function import LossFunction
from landscape_core.models.loss_of_outputs import LossOfOutputs, called
from landscape_core.models.module_state import as_given
from landscape_core.models.nested_batches import arrays_in, mapped
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.notices import unheard

TRIED, READ = 4, 32
"""Examples of which all pairs are tried, and among how many they are chosen."""

NEAR = 1e-4
"""How near two losses are that are the same but for rounding, relative to the larger one."""

REMEDY = (
    "of the shape of the outputs, {0}: the loss compares every output with every target, as shapes"
    " are broadcast, not each with its own; give {1}, of a loader by batch=lambda b: (b[0], {2}),"
    " or objective= if this is meant"
)


def paired(part: ModelObjective) -> ModelObjective:
    """An objective of outputs of one tensor, its loss recognized where it is known.

    Raises:
        SpecError: its loss compares every output with every target; names both shapes and the
            remedy.
    """
    known = with_known_loss(part)
    if known is part and _may_differ(part.targets):
        _check_pairing(part)
    return known


def _check_pairing(part: ModelObjective) -> None:
    """Refuse targets whose shape makes the loss compare every output with every target."""
    device, whole = part.start.device, (part.module, part.loss_function, part.adapter)
    few = part.first(READ)
    with kept_generators(device), full_precision(device), unheard(), as_given(*whole):
        try:
            outputs = fresh_outputs(few)
        except Exception:  # of what users write; the evaluation will tell
            return
        check_outputs(part.loss_function, outputs, few.targets, part.examples)


def check_closure_pairing(model: nn.Module, loss: LossOfOutputs, given: Given) -> None:
    """The same of a loss of several inputs or outputs; errors as above."""
    ((inputs, targets),) = given.batches
    if not (isinstance(targets, Tensor) and _may_differ(targets)):
        return
    device = next((one.device for one in model.parameters()), targets.device)
    whole = model, loss
    with kept_generators(device), full_precision(device), unheard(), as_given(*whole):
        try:
            own = copied(model).eval()
            found = without_gradients(lambda: called(own, mapped(inputs, Tensor.clone)))
            outputs = found if loss.adapter is None else loss.adapter(found)
        except Exception:  # of what users write; the evaluation has told
            return
        check_outputs(loss.loss, outputs, targets, len(targets))


def check_outputs(loss: LossFunction, outputs: Any, targets: Any, examples: int) -> None:
    """The same of given outputs, a tensor or tensors in a tuple or mapping, and their targets.

    Raises:
        SpecError: as above.
    """
    if not (isinstance(targets, Tensor) and _may_differ(targets)):
        return
    other = next((one for one in arrays_in(outputs) if _broadcast(one, targets)), None)
    if other is None:
        return
    right = targets.reshape(other.shape).to(other)
    perfect = mapped(outputs, lambda one: right if one is other else one)
    index = _different(targets)  # where outputs say nothing, as equal ones, right answers do
    if not any(_compares_all(loss, one, targets, index) for one in (outputs, perfect)):
        return
    shape = (examples, *other.shape[1:])
    change = "[:, None]" if other.ndim > targets.ndim else ".squeeze(1)"
    shown = f"shape {(examples, *targets.shape[1:])}"
    raise SpecError("targets", shown, REMEDY.format(shape, f"targets{change}", f"b[1]{change}"))


def _may_differ(targets: Tensor) -> bool:
    """Whether targets are one number each, (N,) or (N, 1)."""
    return len(targets) > 1 and targets.ndim in (1, 2) and targets.numel() == len(targets)


def _broadcast(outputs: Tensor, targets: Tensor) -> bool:
    """Whether outputs are (N, 1) and targets (N,), or the other way round."""
    shapes = {tuple(outputs.shape), tuple(targets.shape)}
    return shapes == {(len(targets),), (len(targets), 1)}


def _different(targets: Tensor) -> list[int]:
    """A few examples whose targets differ, as far as there are such."""
    found: list[int] = []
    for at in range(len(targets)):
        if not any(torch.equal(targets[at], targets[one]) for one in found):
            found.append(at)
    return found[:TRIED]


def _compares_all(loss: LossFunction, outputs: Any, targets: Tensor, index: list[int]) -> bool:
    """Whether a loss of several examples is the mean, or sum, of that of all pairs of them."""

    def value(some: list[int], others: list[int]) -> float:
        taken = mapped(outputs, lambda one: one[some].clone())
        found = without_gradients(lambda: loss(taken, targets[others].clone()).mean())
        return float(found)

    try:
        whole = value(index, index)
        table = torch.tensor([[value([row], [column]) for column in index] for row in index])
    except Exception:  # it cannot do with fewer
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

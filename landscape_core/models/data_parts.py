"""Parts of the data that are gone through one after another, where their losses add up."""

from collections.abc import Iterable, Sequence
from functools import partial

import torch

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.memory import free_memory
from landscape_core.foundation.types import Vector
from landscape_core.models.additivity import Additivity, additivity
from landscape_core.models.gradient_mode import without_gradients
from landscape_core.models.graph_memory import bytes_per_example
from landscape_core.models.loss_trial import adds_up
from landscape_core.models.loss_weights import Kind, is_mean, weights_of
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.trial_examples import undisturbed
from landscape_core.models.trial_points import places

UNASKED = 256
"""Examples up to which nobody asks whether their graph fits into memory."""


def parts_of(
    objective: ModelObjective, size: int, *, graphs: int = 1
) -> list[tuple[ModelObjective, float]]:
    """Parts of so many examples and their weights in the loss, or all at once with weight 1.

    That the parts give the loss and its slope in the outputs is verified on these very parts.

    Args:
        objective: the loss over all examples.
        size: the examples of a part.
        graphs: how many times as much memory is needed as for a gradient.

    Raises:
        SpecError: what is needed at once does not fit into memory.
    """
    count = objective.examples
    if count <= size and (count <= UNASKED or fits(objective, graphs)):
        return [(objective, 1.0)]
    found = additivity(objective)
    while found.separable and size > 1 and not fits(objective.first(size), graphs):
        size //= 2
    parts = [objective.between(start, start + size) for start in range(0, count, size)]
    if found.separable and verified(objective, parts, found.loss, places(objective.start)):
        weights = weights_of(objective, parts, found.loss)
        return [(part, weight) for part, weight in zip(parts, weights, strict=True) if weight]
    if not fits(objective, graphs):
        raise _too_large(objective, found, graphs)
    return [(objective, 1.0)]


def fits(objective: ModelObjective, graphs: int = 1) -> bool:
    """Whether so many graphs of all examples fit into the memory that is free."""
    return graphs * bytes_at_once(objective) <= free_memory(objective.start.device)


def bytes_at_once(objective: ModelObjective) -> int:
    """The bytes that the graph of all examples takes, about."""
    return bytes_per_example(objective, gradient=True) * objective.examples


def verified(
    objective: ModelObjective,
    parts: Sequence[ModelObjective],
    kind: Kind,
    thetas: Iterable[Vector],
) -> bool:
    """Whether these very parts, one after another, make up the loss at some points."""
    if is_mean(objective.loss_function):
        return True
    order = torch.arange(objective.examples, device=objective.inputs.device)
    pieces = order.split([part.examples for part in parts])
    pairs = list(zip(parts, pieces, strict=True))
    with undisturbed(objective):
        for theta in thetas:
            outputs = torch.cat([without_gradients(partial(one.outputs, theta)) for one in parts])
            if len(outputs) % objective.examples or not adds_up(objective, outputs, pairs, kind):
                return False
    return True


def _too_large(objective: ModelObjective, found: Additivity, graphs: int) -> SpecError:
    needed, free = graphs * bytes_at_once(objective), free_memory(objective.start.device)
    told = (
        f"all {objective.examples} examples at once would take {needed} bytes, and {free} bytes"
        " are free"
    )
    if found.coupled or found.draws:
        kind = "draws no random numbers" if found.draws else "treats each example by itself"
        accepted = f"one that {kind}: {told}"
        return SpecError("model", type(objective.module).__name__, accepted)
    loss = objective.loss_function
    name = getattr(loss, "__name__", type(loss).__name__)
    return SpecError("loss", name, f"a mean or a sum over examples: {told}")

"""The objectives of a run's training and test data at one of its iterates."""

from collections.abc import Mapping

from torch import Tensor

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.types import Vector
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.problems.base import Instance


def splits_with(
    instance: Instance,
    buffers: Mapping[str, Tensor],
    *,
    start: Vector | None = None,
    max_examples: int | None = None,
) -> dict[str, ModelObjective]:
    """The objectives by split, training data first, with the buffers of an iterate.

    Batch statistics are estimated from all training inputs.

    Args:
        instance: the problem of the run.
        buffers: those of the iterate.
        start: the iterate (P,), at which each objective then starts; by default the run's start.
        max_examples: the first so many examples of each split; by default all.

    Raises:
        SpecError: a problem without a network.
    """
    train = instance.train
    if not isinstance(train, ModelObjective):
        raise SpecError("Run.problem", type(train).__name__, "a network")
    names = [block.name for block in train.layout.blocks]
    found = {}
    for split, objective in (("train", train), ("test", instance.test)):
        if isinstance(objective, ModelObjective):
            part = objective.with_buffers(buffers)
            part = part if start is None else part.moving(names, start)
            part = part if max_examples is None else part.first(max_examples)
            found[split] = part.with_reference(train.inputs)
    return found

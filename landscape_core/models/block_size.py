"""How many examples go through a network together: as many as memory allows, or all of them.

Networks that couple their examples see all at once, whatever that takes, or are refused.
"""

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.memory import free_memory
from landscape_core.models.additivity import couples
from landscape_core.models.graph_memory import bytes_per_example
from landscape_core.models.network_objective import ModelObjective

SHARE = 0.25
"""Of the free memory, how much the values inside a network may take."""


def block_of(objective: ModelObjective, size: int = 0, *, gradient: bool = False) -> int:
    """How many examples to evaluate together: so many, or as many as memory allows (0).

    Raises:
        SpecError: the network needs all examples at once, and they do not fit into memory.
    """
    block = size or fitting(objective, gradient=gradient)
    whole = objective.batch_norm == "batch" and objective.normalizes
    if whole or (block < objective.examples and couples(objective)):
        return all_at_once(objective, gradient=gradient)
    return max(1, block)


def fitting(objective: ModelObjective, *, gradient: bool = False) -> int:
    """How many examples fit into memory together."""
    each = max(1, bytes_per_example(objective, gradient=gradient))
    return max(1, min(objective.examples, int(SHARE * _free(objective)) // each))


def block_memory(objective: ModelObjective, block: int = 0, *, gradient: bool = False) -> int:
    """The bytes of values inside the network for a block of examples, and of one more network."""
    each = bytes_per_example(objective, gradient=gradient)
    examples = min(objective.examples, block or fitting(objective, gradient=gradient))
    return each * examples + 2 * objective.start.numel() * objective.start.element_size()


def all_at_once(objective: ModelObjective, *, gradient: bool = False) -> int:
    """The number of examples, if the values inside the network can be had for all of them.

    Raises:
        SpecError: they would not fit into memory.
    """
    each = bytes_per_example(objective, gradient=gradient)
    needed, free = each * objective.examples, _free(objective)
    if needed > free:
        told = (
            f"all {objective.examples} examples at once would take {needed / 1e9:.3g} GB, and "
            f"{free / 1e9:.3g} GB are free"
        )
        if objective.normalizes and objective.batch_norm == "batch":
            raise SpecError("batch_norm", "batch", f"running or reestimated: {told}")
        kind = type(objective.module).__name__
        raise SpecError("model", kind, f"one that processes examples independently: {told}")
    return objective.examples


def _free(objective: ModelObjective) -> int:
    return free_memory(objective.start.device)
